package main

import (
	"fmt"
	"strings"
)

// panel is one group of horizontal bars: a subject's p50, and a line to its p95.
type panel struct{ title, condition, measure string }

var panels = []panel{
	{"INIT on loopback, ms", near, initWall},
	{"Cold click with Atlas 80 ms away, ms", far80, coldWall},
	{"Warm call beyond Atlas's time, ms", near, warmWall},
	{"Processor time of INIT and first call, ms", near, coldCPU},
}

const (
	chartWidth = 760
	labelWidth = 110
	rowHeight  = 22
	plotWidth  = chartWidth - labelWidth - 90
)

// chart draws the panels. The longest bar of a panel is clipped at four times
// the broker's, so that an interpreter's start does not flatten the rest.
func (r *results) chart() string {
	var b strings.Builder
	y := 10
	for _, p := range panels {
		c := r.in(p.condition)
		if c == nil {
			continue
		}
		scale := 4 * c.Figures[ours][p.measure].P50
		y += 20
		fmt.Fprintf(&b, `<text x="10" y="%d" class="t">%s</text>`+"\n", y, p.title)
		y += 8
		for _, s := range r.Subjects {
			f, ok := c.Figures[s.Name][p.measure]
			if !ok {
				continue
			}
			length := func(v float64) float64 { return min(v/scale, 1) * plotWidth }
			class := "o"
			if s.Name == ours {
				class = "b"
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" class="l">%s</text>`, labelWidth-8, y+15, s.Name)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>`, labelWidth, y+3, length(f.P50), rowHeight-6, class)
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" class="w"/>`, labelWidth+length(f.P50), y+rowHeight/2, labelWidth+length(f.P95), y+rowHeight/2)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="v">%s</text>`+"\n", labelWidth+max(length(f.P50), length(f.P95))+6, y+15, number(f.P50))
			y += rowHeight
		}
		y += 10
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="Latency of the broker and of the same work in other languages">
<style>text{font:13px system-ui,sans-serif;fill:#1a1a1a}.t{font-weight:600}.l{text-anchor:end}.o{fill:#9aa7b5}.b{fill:#1b6ac9}.w{stroke:#555;stroke-width:1.5}svg{background:#fff}</style>
%s</svg>
`, chartWidth, y+10, chartWidth, y+10, b.String())
}
