package main

import (
	"fmt"
	"math"
	"strings"
)

// markdown is the report's generated part.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s, %s.\n", r.When, r.Machine, r.Go)
	b.WriteString("Intervals are 95 % confidence intervals of the figure before them.\n\n")
	r.barsTable(&b)
	if c := r.in(noTLS); c != nil {
		b.WriteString("### On loopback, without TLS\n\nINIT and calls in ms; a warm call is told less the time that Atlas took over it.\n\n")
		c.table(&b, r, initWall, firstWall, warmWall, coldCPU, warmCPU, peakMB)
	}
	if c := r.in(near); c != nil {
		b.WriteString("### On loopback, behind TLS\n\n")
		c.table(&b, r, initWall, firstWall, warmWall, coldCPU, warmCPU, peakMB)
	}
	if c := r.in(nearHTTP1); c != nil {
		b.WriteString("### The same, Atlas offering HTTP/1.1 alone\n\n")
		c.table(&b, r, initWall, firstWall, warmWall, coldCPU, warmCPU)
	}
	for _, name := range []string{"far-20ms", far80, "far-200ms"} {
		if c := r.in(name); c != nil {
			fmt.Fprintf(&b, "### Atlas %.0f ms away\n\nSecrets Manager is %.0f ms away and takes %.0f ms. A cold click is process start to answer.\n\n",
				c.AtlasMS, c.SecretMS[0], c.SecretMS[1])
			c.table(&b, r, initWall, firstWall, coldWall)
		}
	}
	if c := r.in(ahead80); c != nil {
		b.WriteString("### The first call of an environment that Lambda started ahead of time, Atlas 80 ms away\n\n")
		c.table(&b, r, firstWall)
	}
	r.memoryTable(&b)
	if c := r.in(long); c != nil {
		b.WriteString("### After 10,000 calls\n\n")
		c.table(&b, r, residentM, warmCPU)
	}
	for _, g := range r.Growths {
		fmt.Fprintf(&b, "### Growth: %s\n\n| %s |\n|%s\n", strings.ToLower(g.Text[:1])+g.Text[1:], strings.Join(g.Columns, " | "),
			strings.Repeat("--:|", len(g.Columns)))
		for _, row := range g.Rows {
			for _, value := range row {
				fmt.Fprintf(&b, "| %s ", number(value))
			}
			b.WriteString("|\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r *results) barsTable(b *strings.Builder) {
	if len(r.Bars) == 0 {
		return
	}
	b.WriteString("### The bars\n\n| bar | limit | measured | interval | met |\n|---|--:|--:|--:|---|\n")
	for _, bar := range r.Bars {
		met := "yes"
		if !bar.Met {
			met = "**no**"
		}
		fmt.Fprintf(b, "| %s | %s %s | %s | %s to %s | %s |\n", bar.Text, number(bar.Most), bar.Unit, number(bar.Value), number(bar.CI[0]), number(bar.CI[1]), met)
	}
	b.WriteString("\n")
}

// titles are the measures' column titles.
var titles = map[string]string{
	initWall: "INIT", firstWall: "first call", coldWall: "cold click", warmWall: "warm call",
	coldCPU: "CPU of INIT + first", warmCPU: "CPU of a warm call", peakMB: "peak MB", residentM: "resident MB",
}

// table has a row for each subject: p50 with its interval, p95 and p99 of wall
// times, p50 alone of the rest.
func (c *measured) table(b *strings.Builder, r *results, measures ...string) {
	b.WriteString("| |")
	for _, measure := range measures {
		b.WriteString(" " + titles[measure])
		if wall(measure) {
			b.WriteString(" p50 (interval) / p95 / p99")
		}
		b.WriteString(" |")
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(measures)) + "\n")
	for _, s := range r.Subjects {
		figures, ok := c.Figures[s.Name]
		if !ok {
			continue
		}
		fmt.Fprintf(b, "| %s |", s.Name)
		for _, measure := range measures {
			f := figures[measure]
			if wall(measure) {
				fmt.Fprintf(b, " **%s** (%s to %s) / %s / %s |", number(f.P50), number(f.P50CI[0]), number(f.P50CI[1]), number(f.P95), number(f.P99))
			} else {
				fmt.Fprintf(b, " %s |", number(f.P50))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func wall(measure string) bool {
	return measure == initWall || measure == firstWall || measure == coldWall || measure == warmWall
}

// Prices of Lambda in us-east-1, arm64 (AWS Lambda pricing page).
const (
	dollarsPerGBSecond = 0.0000133334
	dollarsPerMillion  = 0.20
)

// memoryTable compares memory sizes: what a click takes and what a million
// warm ones cost.
func (r *results) memoryTable(b *strings.Builder) {
	if r.SharesRefused {
		b.WriteString("Processor shares by memory size are absent: control groups (version 1) are not permitted where this was run.\n\n")
		return
	}
	if r.in(memoryName(memorySizes[0])) == nil {
		return
	}
	b.WriteString("### By memory size, Atlas 80 ms away\n\nThe processor's share is set by a control group. p50 / p95 in ms; dollars for a million warm calls " +
		"and for a million cold ones (arm64, us-east-1, billed INIT included).\n\n")
	b.WriteString("| MB | INIT | cold click | warm call beyond Atlas | $ warm | $ cold | plain: cold click | Rust: cold click | floor: INIT |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, megabytes := range memorySizes {
		c := r.in(memoryName(megabytes))
		if c == nil {
			continue
		}
		of := func(name, measure string) string {
			f, ok := c.Figures[name][measure]
			if !ok {
				return "–"
			}
			return number(f.P50) + " / " + number(f.P95)
		}
		cost := func(ms float64) string {
			return fmt.Sprintf("%.2f", math.Ceil(ms)/1000*float64(megabytes)/1024*dollarsPerGBSecond*1e6+dollarsPerMillion)
		}
		broker := c.Figures[ours]
		fmt.Fprintf(b, "| %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", megabytes, of(ours, initWall), of(ours, coldWall), of(ours, warmWall),
			cost(broker[warmWall].P50+c.AtlasMS), cost(broker[coldWall].P50), of(plain, coldWall), of(rustSDK, coldWall), of(floor, initWall))
	}
	b.WriteString("\n")
}

// number prints three digits.
func number(value float64) string {
	switch magnitude := math.Abs(value); {
	case value == math.Trunc(value) && magnitude < 1e15:
		return fmt.Sprintf("%.0f", value)
	case magnitude >= 100:
		return fmt.Sprintf("%.0f", value)
	case magnitude >= 10:
		return fmt.Sprintf("%.1f", value)
	case magnitude >= 1:
		return fmt.Sprintf("%.2f", value)
	default:
		return fmt.Sprintf("%.3f", value)
	}
}
