package main

import (
	"fmt"
	"time"
)

// bar is one promise of docs/performance.md, held against the run.
type bar struct {
	Text  string     `json:"text"`
	Value float64    `json:"value"`
	CI    [2]float64 `json:"ci"`
	Most  float64    `json:"most"`
	Unit  string     `json:"unit"`
	// Met tells whether the value is not above the limit.
	Met bool `json:"met"`
}

func (r *results) bar(text string, value float64, ci [2]float64, most float64, unit string) {
	r.Bars = append(r.Bars, bar{text, value, ci, most, unit, value <= most})
}

// compare adds a bar on a ratio of two subjects' medians of a measure.
func (r *results) compare(condition, measure, to string, most float64, text string) {
	c := r.in(condition)
	if c == nil || c.samples[to] == nil || c.samples[ours] == nil {
		return
	}
	value, ci := ratio(c.samples[ours][measure], c.samples[to][measure])
	r.bar(text, value, ci, most, "x")
}

// judge holds the figures against the bars.
func (r *results) judge() {
	r.Bars = nil
	for _, c := range []struct{ condition, text string }{{noTLS, "without TLS"}, {near, "behind TLS"}} {
		r.compare(c.condition, initWall, floor, 1.75, "INIT, upstreams on loopback "+c.text+", to the floor's")
		r.compare(c.condition, initWall, plain, 1, "INIT, upstreams on loopback "+c.text+", to the plain version's")
		r.compare(c.condition, initWall, rustSDK, 1, "INIT, upstreams on loopback "+c.text+", to Rust's with the AWS SDK")
	}
	r.compare(near, coldCPU, plain, 0.9, "processor time of INIT and first call, to the plain version's")
	r.compare(near, coldCPU, floor, 1.75, "processor time of INIT and first call behind TLS, to the floor's (told beside the bar on INIT)")
	r.compare(noTLS, coldCPU, floor, 1.75, "the same without TLS")
	r.coldClick()
	r.compare(far80, coldWall, plain, 0.9, "cold click with Atlas 80 ms away, to the plain version's")
	r.compare(ahead80, firstWall, plain, 0.4, "first call of an environment started ahead, Atlas 80 ms away, to the plain version's")
	r.compare(near, firstWall, plain, 0.4, "first call, Atlas near, to the plain version's")
	for _, c := range []struct{ condition, text string }{{near, "HTTP/2"}, {nearHTTP1, "HTTP/1.1"}, {noTLS, "HTTP/1.1 without TLS"}} {
		r.compare(c.condition, warmWall, floor, 1.25, "warm call beyond Atlas's time ("+c.text+"), to the floor's call")
		r.compare(c.condition, warmWall, plain, 1, "warm call beyond Atlas's time ("+c.text+"), to the plain version's")
		r.compare(c.condition, warmWall, rustSDK, 1, "warm call beyond Atlas's time ("+c.text+"), to Rust's with the AWS SDK")
		r.compare(c.condition, warmCPU, plain, 1, "processor time of a warm call ("+c.text+"), to the plain version's")
	}
	if c := r.in(near); c != nil {
		f, least := c.Figures[ours][warmWall], c.Figures[floor][warmWall]
		text := "warm call's p99, to its p50"
		if least.P50 > 0 {
			// What the machine adds to either, by the subject that does nothing.
			text += fmt.Sprintf(" (the floor's own: %.2f)", least.P99/least.P50)
		}
		r.bar(text, f.P99/f.P50, [2]float64{f.P99CI[0] / f.P50, f.P99CI[1] / f.P50}, 2, "x")
	}
	r.compare(long, residentM, floor, 1.6, "resident memory after 10,000 calls, to the floor's")
	for _, s := range r.Subjects {
		if s.Name == ours {
			r.bar("binary", s.MB, [2]float64{s.MB, s.MB}, 12, "MB")
		}
	}
	r.flat("calls", 1, 1.1, "processor time of a call in the last decade of one process's calls, to that of its first 100")
	r.flat("concurrency", 2, 1, "processor time of a call with 64 at once, to one at a time")
}

// coldClick holds a cold click against what it cannot go below: the floor's
// start and call, the longer of the two waits, and one round trip to Atlas.
func (r *results) coldClick() {
	c := r.in(far80)
	if c == nil || c.samples[floor] == nil {
		return
	}
	const rtt, secretsRTT, service = 80, 2, 15
	// A TCP and a TLS 1.3 handshake are a round trip each; the request another.
	connection, fetch := 2*float64(rtt), 3*float64(secretsRTT)+service
	value := quantile(c.samples[ours][coldWall], .5)
	least := quantile(c.samples[floor][coldWall], .5) + max(connection, fetch) + rtt
	figure := c.Figures[ours][coldWall]
	r.bar(fmt.Sprintf("cold click with Atlas %v away, to the least possible (%.0f ms)", rtt*time.Millisecond, least),
		value/least, [2]float64{figure.P50CI[0] / least, figure.P50CI[1] / least}, 1.05, "x")
}

// flat adds a bar on a growth's last point against its first.
func (r *results) flat(name string, column int, most float64, text string) {
	for _, g := range r.Growths {
		if g.Name == name {
			first, last := g.Rows[0][column], g.Rows[len(g.Rows)-1][column]
			r.bar(text, last/first, [2]float64{last / first, last / first}, most, "x")
		}
	}
}
