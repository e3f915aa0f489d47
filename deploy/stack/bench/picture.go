package bench

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Pictures are the drawings of a result, by the names of their files. They say the same to whoever cannot see them: each has a title and a description.
func (r Result) Pictures() map[string]string {
	return map[string]string{"benchmarks-payments.svg": r.drawPayments(), "benchmarks-limits.svg": r.drawLimits()}
}

// bar is one line of a picture.
type bar struct {
	label string
	value float64 // of 1
	mark  float64 // where a line is drawn across it, of 1; 0 for none
	text  string  // behind it
	good  bool
}

// drawPayments shows payments a second beside their limits.
func (r Result) drawPayments() string {
	var bars []bar
	most := 0.0
	for _, row := range r.Rows {
		if row.Unit == "/s" && strings.HasPrefix(row.ID, "payments-") {
			most = max(most, row.Figure(), row.Limit())
		}
	}
	for _, row := range r.Rows {
		if row.Unit != "/s" || !strings.HasPrefix(row.ID, "payments-") {
			continue
		}
		bars = append(bars, bar{
			label: strings.TrimPrefix(row.What, "whole payments, "), value: row.Figure() / most, mark: row.Limit() / most,
			text: fmt.Sprintf("%s, limit %s", figure(row.Figure(), row.Unit), figure(row.Limit(), row.Unit)), good: !row.Aims() || row.Met(),
		})
	}
	return draw("Whole payments a second", "Each bar is what was measured, and the line across it the tighter limit of the same run.", bars)
}

// drawLimits shows how near every figure comes to its limit.
func (r Result) drawLimits() string {
	bars := make([]bar, 0, len(r.Rows))
	for _, row := range r.Rows {
		bars = append(bars, bar{label: row.What, value: min(row.Share(), 1), mark: row.Aim.Share, text: percent(row.Share()), good: !row.Aims() || row.Met()})
	}
	return draw("How near each figure comes to its limit", "A whole bar is the limit. The line across a bar is what is aimed at, where that is a share of the limit; red is what misses its aim.", bars)
}

// The measures of a picture, in pixels.
const (
	labelWidth = 400
	barWidth   = 380
	textWidth  = 180
	lineHeight = 26
	topHeight  = 64
)

// The colours can be told apart on white and on black pages, and by whoever sees no red.
const (
	goodColour = "#2a7f9e"
	badColour  = "#c8472d"
	inkColour  = "#1f2328"
	railColour = "#e4e7eb"
)

func draw(title, description string, bars []bar) string {
	var out strings.Builder
	width, height := labelWidth+barWidth+textWidth, topHeight+lineHeight*len(bars)+16
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&out, "<title>%s</title>\n<desc>%s</desc>\n", escaped(title), escaped(description))
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&out, `<text x="16" y="26" font-size="16" font-weight="600" fill="%s">%s</text>`+"\n", inkColour, escaped(title))
	fmt.Fprintf(&out, `<text x="16" y="46" fill="%s">%s</text>`+"\n", inkColour, escaped(description))
	for i, b := range bars {
		y := topHeight + lineHeight*i
		colour := badColour
		if b.good {
			colour = goodColour
		}
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>`+"\n", labelWidth-10, y+15, inkColour, escaped(b.label))
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="18" fill="%s"/>`+"\n", labelWidth, y, barWidth, railColour)
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.1f" height="18" fill="%s"/>`+"\n", labelWidth, y, barWidth*min(max(b.value, 0), 1), colour)
		if b.mark > 0 {
			fmt.Fprintf(&out, `<rect x="%.1f" y="%d" width="2" height="24" fill="%s"/>`+"\n", labelWidth+barWidth*min(b.mark, 1)-1, y-3, inkColour)
		}
		fmt.Fprintf(&out, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", labelWidth+barWidth+10, y+14, inkColour, escaped(b.text))
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // into memory
	return out.String()
}
