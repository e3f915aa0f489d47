package web

import (
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// deviceOf is what a request comes from, as far as it says so itself.
func deviceOf(c echo.Context) marketplace.Device {
	return marketplace.Device{Peer: httpserver.NetworkOf(c.RealIP()), Name: deviceName(c.Request().UserAgent())}
}

// What browsers and systems call themselves, the more particular first: each of them claims to be others too.
var (
	browserMarks = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systemMarks  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// deviceName is a browser's and its system's name, for a person to recognise; "" for what says neither.
func deviceName(userAgent string) string {
	var names []string
	for _, marks := range [][][2]string{browserMarks, systemMarks} {
		for _, mark := range marks {
			if strings.Contains(userAgent, mark[0]) {
				names = append(names, mark[1])
				break
			}
		}
	}
	return strings.Join(names, ", ")
}
