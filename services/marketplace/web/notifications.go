package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// NotificationsPage is templates/notifications.html: what a person was told, the newest first.
type NotificationsPage struct {
	All    []marketplace.Notification
	Older  int64 // the next page begins before it; 0 for the last page
	Unread int   // on this page
}

// Title is the page's.
func (NotificationsPage) Title() string { return "Notifications" }

// Newest is the newest on the page: what came after it was drawn is not marked as seen from it.
func (p NotificationsPage) Newest() int64 {
	if len(p.All) == 0 {
		return 0
	}
	return p.All[0].ID
}

const notificationsPage = 50 // notifications

// countedUnread is how many unread ones are counted: beyond it, "99+" says enough.
const countedUnread = 100

func (p *Pages) notifications(c echo.Context) error {
	before := int64(0)
	if text := c.QueryParam("before"); text != "" {
		var err error
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return echo.ErrNotFound
		}
	}
	all, err := p.reader.NotificationsOf(c.Request().Context(), visitorOf(c).User.ID, before, notificationsPage+1)
	if err != nil {
		return err
	}
	page := NotificationsPage{All: all}
	if len(all) > notificationsPage {
		page.All = all[:notificationsPage]
		page.Older = page.All[notificationsPage-1].ID
	}
	for _, n := range page.All {
		if n.Unread() {
			page.Unread++
		}
	}
	return p.render(c, http.StatusOK, "notifications", page)
}

// notification marks one as seen and goes on to what it is about. A link does: it changes nothing but what its own reader has seen.
func (p *Pages) notification(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("notification_id"), 10, 64)
	if err != nil {
		return echo.ErrNotFound
	}
	n, err := p.reader.ReadNotification(c.Request().Context(), visitorOf(c).User.ID, id, p.clock.Now())
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localPath(n.Words().Path))
}

func (p *Pages) readNotifications(c echo.Context) error {
	upTo, err := strconv.ParseInt(c.FormValue("up_to"), 10, 64)
	if err != nil || upTo < 0 {
		return echo.ErrBadRequest
	}
	if err := p.reader.ReadAllNotifications(c.Request().Context(), visitorOf(c).User.ID, upTo, p.clock.Now()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/notifications")
}

// PreferencesPage is templates/preferences.html: what a person wants to be told outside of the site.
type PreferencesPage struct {
	Phone      string // what stands in the field
	PhoneError string
	SMS        bool // SMS are sent here
	Choices    []Choice
}

// Choice is a line of the form: a group of notifications, and where they go.
type Choice struct {
	Topic marketplace.Topic
	Email bool
	SMS   bool
}

// Fixed reports whether the e-mail for it cannot be turned off.
func (c Choice) Fixed() bool { return c.Topic == marketplace.TopicSecurity }

// Title is the page's.
func (PreferencesPage) Title() string { return "What you are told" }

func (p *Pages) preferencesPage(chosen marketplace.Preferences) PreferencesPage {
	page := PreferencesPage{Phone: chosen.Phone, SMS: p.sms}
	for _, topic := range marketplace.Topics {
		page.Choices = append(page.Choices, Choice{
			Topic: topic, Email: chosen.WantsTopic(marketplace.Email, topic), SMS: chosen.WantsTopic(marketplace.SMS, topic),
		})
	}
	return page
}

func (p *Pages) preferencesForm(c echo.Context) error {
	chosen, err := p.reader.PreferencesOf(c.Request().Context(), visitorOf(c).User.ID)
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "preferences", p.preferencesPage(chosen))
}

func (p *Pages) preferences(c echo.Context) error {
	ctx, viewer := c.Request().Context(), visitorOf(c).User.ID
	before, err := p.reader.PreferencesOf(ctx, viewer)
	if err != nil {
		return err
	}
	chosen := marketplace.Preferences{Phone: before.Phone, Wanted: before.Wanted}
	if chosen.Wanted == nil {
		chosen.Wanted = map[marketplace.Channel]map[marketplace.Topic]bool{}
	}
	channels := []marketplace.Channel{marketplace.Email}
	if p.sms { // what the form does not show stays as it is
		channels = append(channels, marketplace.SMS)
	}
	for _, channel := range channels {
		chosen.Wanted[channel] = map[marketplace.Topic]bool{}
		for _, topic := range marketplace.Topics {
			chosen.Wanted[channel][topic] = c.FormValue(string(channel)+"_"+string(topic)) != ""
		}
	}
	if p.sms {
		if chosen.Phone, err = marketplace.ParsePhone(c.FormValue("phone")); err != nil {
			page := p.preferencesPage(chosen)
			page.Phone, page.PhoneError = c.FormValue("phone"), p.words(c, err)
			return p.render(c, http.StatusUnprocessableEntity, "preferences", page)
		}
	}
	if err := p.reader.SavePreferences(ctx, viewer, chosen); err != nil {
		return err
	}
	p.flash(c, "preferences_saved")
	return c.Redirect(http.StatusSeeOther, "/notifications/preferences")
}
