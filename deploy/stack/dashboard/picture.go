package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/go-analyze/charts"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Prometheus is who is asked.
type Prometheus interface {
	Query(ctx context.Context, query string, at time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
	QueryRange(ctx context.Context, query string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
}

// The picture's measures, in pixels.
const (
	column = 70 // Grafana's page has 24
	line   = 34
	gap    = 4
)

var theme = charts.GetTheme(charts.ThemeGrafana)

// Draw draws the dashboard as a PNG, for a stretch of time. rates is what rates are taken over.
func (d Dashboard) Draw(ctx context.Context, from Prometheus, over v1.Range, rates time.Duration) ([]byte, error) {
	height := 0
	for _, p := range d.Panels {
		height = max(height, (p.GridPos.Y+p.GridPos.H)*line)
	}
	page := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: 24 * column, Height: height, Theme: theme})
	page.FilledRect(0, 0, 24*column, height, charts.ParseColor("#0b0c0e"), charts.ColorTransparent, 0)
	for _, p := range d.Panels {
		g := p.GridPos
		box := charts.NewBox(g.X*column+gap, g.Y*line+gap, (g.X+g.W)*column-gap, (g.Y+g.H)*line-gap)
		if err := p.draw(ctx, page.Child(charts.PainterBoxOption(box)), from, over, rates); err != nil {
			return nil, fmt.Errorf("panel %q: %w", p.Title, err)
		}
	}
	return page.Bytes()
}

func (p Panel) draw(ctx context.Context, into *charts.Painter, from Prometheus, over v1.Range, rates time.Duration) error {
	if p.Type == "row" {
		into.Text(p.Title, 4, line-14, 0, text(15))
		return nil
	}
	into.FilledRect(0, 0, into.Width(), into.Height(), theme.GetBackgroundColor(), charts.ColorTransparent, 0)
	draw := p.drawLines
	if p.Type == "stat" {
		draw = p.drawNumber
	}
	if err := draw(ctx, into, from, over, rates); err != nil {
		return err
	}
	into.TextFit(p.Title, 10, 18, into.Width()-16, text(10)) // last: a chart fills its ground
	return nil
}

func text(size float64) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: theme.GetTitleTextColor()}
}

// drawNumber writes the one number of a stat panel, in the colour of its threshold.
func (p Panel) drawNumber(ctx context.Context, into *charts.Painter, from Prometheus, over v1.Range, rates time.Duration) error {
	answer, _, _, err := from.Query(ctx, p.Targets[0].Query(rates), over.End)
	if err != nil {
		return err
	}
	said, style := "no data", text(30)
	if vector, ok := answer.(model.Vector); ok && len(vector) > 0 {
		value := float64(vector[0].Value)
		if p.FieldConfig.Defaults.Decimals == 0 {
			value = math.Round(value)
		}
		said = p.format(value)
		for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
			if step.Value == nil || value >= *step.Value {
				style.FontColor = colors[step.Color]
			}
		}
	}
	size := into.MeasureText(said, 0, style)
	into.Text(said, (into.Width()-size.Width())/2, (into.Height()+size.Height())/2+8, 0, style)
	return nil
}

var colors = map[string]charts.Color{
	"green": charts.ParseColor("#73bf69"), "orange": charts.ParseColor("#ff9830"), "red": charts.ParseColor("#f2495c"),
}

// drawLines draws a time series panel.
func (p Panel) drawLines(ctx context.Context, into *charts.Painter, from Prometheus, over v1.Range, rates time.Duration) error {
	steps := int(over.End.Sub(over.Start)/over.Step) + 1
	var names []string
	var values [][]float64
	for _, t := range p.Targets {
		answer, _, _, err := from.QueryRange(ctx, t.Query(rates), over)
		if err != nil {
			return err
		}
		matrix, _ := answer.(model.Matrix) // which every range query answers
		slices.SortFunc(matrix, func(a, b *model.SampleStream) int { return cmp.Compare(t.name(a.Metric), t.name(b.Metric)) })
		for _, series := range matrix {
			points := slices.Repeat([]float64{charts.GetNullValue()}, steps)
			for _, v := range series.Values {
				if f := float64(v.Value); !math.IsNaN(f) && !math.IsInf(f, 0) {
					points[int(v.Timestamp.Time().Sub(over.Start)/over.Step)] = f
				}
			}
			names, values = append(names, t.name(series.Metric)), append(values, points)
		}
	}
	if len(values) == 0 {
		into.Text("no data", into.Width()/2-30, into.Height()/2, 0, text(12))
		return nil
	}
	stacked := p.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	if stacked { // what is not there is nothing, and lifts nobody
		for _, points := range values {
			for i, v := range points {
				if v == charts.GetNullValue() {
					points[i] = 0
				}
			}
		}
	}
	o := charts.NewLineChartOptionWithData(values)
	o.Theme = theme
	o.Padding = charts.NewBox(8, 30, 16, drawLegend(into, names))
	o.Legend.Show = charts.Ptr(false)
	o.StackSeries, o.FillOpacity = charts.Ptr(stacked), 90
	o.Symbol.Shape, o.LineStrokeWidth = charts.SymbolNone, 1.5
	o.XAxis.Labels, o.XAxis.LabelCount, o.XAxis.LabelFontStyle, o.XAxis.BoundaryGap = times(over, steps), into.Width()/110, text(8), charts.Ptr(false)
	o.YAxis = []charts.YAxisOption{{Min: charts.Ptr(0.0), LabelCount: 5, LabelFontStyle: text(8), ValueFormatter: p.format}}
	if err := into.LineChart(o); err != nil {
		return err
	}
	drawLegend(into, names) // again: a chart fills its ground
	return nil
}

// drawLegend writes the names of the series at the bottom, each after its colour, and returns how high it is.
func drawLegend(into *charts.Painter, names []string) int {
	const row, square, left = 15, 8, 12
	style := text(8)
	x, rows := left, 1
	at := make([]charts.Point, len(names))
	for i, name := range names {
		width := square + 5 + into.MeasureText(name, 0, style).Width() + 12
		if x > left && x+width > into.Width() {
			x, rows = left, rows+1
		}
		at[i] = charts.Point{X: x, Y: rows}
		x += width
	}
	for i, name := range names {
		y := into.Height() - 6 - (rows-at[i].Y)*row
		into.FilledRect(at[i].X, y-square, at[i].X+square, y, theme.GetSeriesColor(i), charts.ColorTransparent, 0)
		into.Text(name, at[i].X+square+5, y, 0, style)
	}
	return rows*row + 8
}

func times(over v1.Range, steps int) []string {
	labels := make([]string, steps)
	for i := range labels {
		labels[i] = over.Start.Add(time.Duration(i) * over.Step).Format("15:04:05")
	}
	return labels
}

var label = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// name is what a series is called in the legend.
func (t Target) name(of model.Metric) string {
	return label.ReplaceAllStringFunc(t.LegendFormat, func(found string) string {
		return string(of[model.LabelName(label.FindStringSubmatch(found)[1])])
	})
}

// format says a value in the panel's unit.
func (p Panel) format(v float64) string {
	switch p.FieldConfig.Defaults.Unit {
	case "s":
		switch {
		case v >= 120:
			return number(v/60) + " min"
		case v > 0 && v < 1:
			return number(v*1000) + " ms"
		}
		return number(v) + " s"
	case "bytes":
		return number(v/(1<<20)) + " MiB"
	case "reqps":
		return number(v) + "/s"
	}
	return number(v)
}

// number has three digits at most.
func number(v float64) string {
	digits := 2
	if v >= 100 || v == math.Trunc(v) {
		digits = 0
	} else if v >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}
