package web

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// MoneyPage is templates/money.html: what a person has paid and received.
type MoneyPage struct {
	marketplace.MyMoney
	Lines []marketplace.MoneyLine
	Older string // the id below which the next page begins; "" on the last one
}

// Title is the page's.
func (MoneyPage) Title() string { return "My money" }

// moneyLines is how many payments a page has.
const moneyLines = 20

func (p *Pages) money(c echo.Context) error {
	ctx, who := c.Request().Context(), visitorOf(c).User.ID
	before := c.QueryParam("before")
	if before != "" && !marketplace.IsID(before) {
		return echo.ErrNotFound
	}
	lines, err := p.reader.MoneyLines(ctx, who, before, moneyLines+1)
	if err != nil {
		return err
	}
	page := MoneyPage{Lines: lines}
	if len(lines) > moneyLines {
		page.Lines = lines[:moneyLines]
		page.Older = page.Lines[moneyLines-1].ID
	}
	if page.MyMoney, err = p.reader.MoneyOf(ctx, who, p.clock.Now()); err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "money", page)
}

// Currencies are those of the charts, in order.
func (p MoneyPage) Currencies() []string {
	all := make([]string, 0, len(p.Months))
	for code := range p.Months {
		all = append(all, code)
	}
	slices.Sort(all)
	return all
}

// The chart's measures, in its own units: each month has two bars, side by side, above a common ground.
const (
	chartMonth  = 40
	chartBar    = 14
	chartHeight = 100
	chartGround = 110
)

// Bar is one of a chart.
type Bar struct {
	X, Y, Width, Height int64
	Received            bool
}

// ChartMonth is a month with its bars.
type ChartMonth struct {
	marketplace.MoneyMonth
	Middle int64
	Bars   []Bar
}

// Chart is a currency's months, the greatest amount as high as the chart.
func (p MoneyPage) Chart(code string) []ChartMonth {
	greatest := int64(1)
	for _, m := range p.Months[code] {
		greatest = max(greatest, m.Paid.Value(), m.Received.Value())
	}
	tall := func(value int64) int64 {
		if greatest > chartHeight*chartHeight {
			value, greatest := value/chartHeight, greatest/chartHeight // so that it can be multiplied
			return min(value*chartHeight/greatest, chartHeight)
		}
		return value * chartHeight / greatest
	}
	var all []ChartMonth
	for i, m := range p.Months[code] {
		left := int64(i) * chartMonth
		month := ChartMonth{MoneyMonth: m, Middle: left + chartMonth/2}
		for j, value := range []int64{m.Paid.Value(), m.Received.Value()} {
			if value == 0 {
				continue
			}
			height := max(tall(value), 1)
			month.Bars = append(month.Bars, Bar{
				X: left + chartMonth/2 - chartBar + int64(j)*chartBar, Y: chartGround - height, Width: chartBar - 1, Height: height, Received: j == 1,
			})
		}
		all = append(all, month)
	}
	return all
}

// csvHeader is fixed: sheets and scripts are made for it. Amounts are in major units.
var csvHeader = []string{"when", "direction", "status", "job", "title", "other", "amount", "currency", "proof"}

// moneyCSV is every payment of the person, the newest first (RFC 4180).
func (p *Pages) moneyCSV(c echo.Context) error {
	ctx, who := c.Request().Context(), visitorOf(c).User.ID
	var out strings.Builder
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	if err := w.Write(csvHeader); err != nil {
		return err
	}
	for before := ""; ; {
		lines, err := p.reader.MoneyLines(ctx, who, before, 500)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			break
		}
		for _, l := range lines {
			status, amount := "paid", ""
			if l.Pending {
				status = "pending"
			}
			if l.Amount.IsSet() {
				amount = l.Amount.Decimal()
			}
			row := []string{l.At.UTC().Format(time.RFC3339), string(l.Direction), status, l.Job.String(), cell(l.JobTitle), cell(l.Other), amount, l.Amount.AssetCode(), cell(l.Proof)}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		before = lines[len(lines)-1].ID
	}
	w.Flush()
	c.Response().Header().Set("Content-Disposition", `attachment; filename="tianguis-money.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(out.String()))
}

// cell keeps what people wrote from being taken for a formula by a sheet.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) { // https://owasp.org/www-community/attacks/CSV_Injection
		return "'" + text
	}
	return text
}
