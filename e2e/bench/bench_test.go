package main

import (
	"encoding/json"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestQuantileInterpolates(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		sample   []float64
		fraction float64
		want     float64
	}{
		{[]float64{5}, .99, 5},
		{[]float64{3, 1, 2}, .5, 2},
		{[]float64{4, 1, 3, 2}, .5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, .95, 4.8},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
	} {
		if got := quantile(row.sample, row.fraction); math.Abs(got-row.want) > 1e-9 {
			t.Errorf("quantile(%v, %v) = %v; want %v", row.sample, row.fraction, got, row.want)
		}
	}
	if !math.IsNaN(quantile(nil, .5)) {
		t.Error("no sample has a median")
	}
}

func TestIntervalsHoldTheirFigure(t *testing.T) {
	t.Parallel()
	var slow, fast []float64
	for i := range 200 {
		slow, fast = append(slow, 20+float64(i%17)), append(fast, 10+float64(i%7))
	}
	f := summarize(slow)
	if f.N != 200 || f.P50 < f.P50CI[0] || f.P50 > f.P50CI[1] || f.P95 < f.P95CI[0] || f.P95 > f.P95CI[1] {
		t.Errorf("%+v: a figure lies outside its interval", f)
	}
	value, ci := ratio(slow, fast)
	if want := quantile(slow, .5) / quantile(fast, .5); value != want || value < ci[0] || value > ci[1] || ci[0] == ci[1] {
		t.Errorf("ratio %v in %v; want %v inside", value, ci, want)
	}
}

func TestBodiesHaveTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	event, err := os.ReadFile("../events/http-api-jwt.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{64, 256, 16384} {
		changed, err := withBody(event, size)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Body string }
		var request map[string]string
		if err := json.Unmarshal(changed, &got); err != nil || len(got.Body) != size {
			t.Errorf("%d bytes, %v; want %d", len(got.Body), err, size)
		}
		if err := json.Unmarshal([]byte(got.Body), &request); err != nil || request["orderNo"] == "" || request["role"] == "" {
			t.Errorf("the body of %d bytes is no request: %v, %v", size, request, err)
		}
	}
	if _, err := withBody(event, 10); err == nil {
		t.Error("a body of 10 bytes was made")
	}
}

func TestDistancePassesEverythingInOrder(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		conn.Close()
	}()
	d, err := newDistance(echo.Addr().String(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	conn, err := net.Dial("tcp", d.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := strings.Repeat("the quick brown fox ", 20_000)
	go func() { _, _ = io.WriteString(conn, sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != sent {
		t.Errorf("%d bytes came back, or others than were sent: %v", len(got), err)
	}
}

func TestABarIsMetUpToItsLimit(t *testing.T) {
	t.Parallel()
	c := condition{Name: near, Starts: 2}
	r := &results{}
	r.add(c, map[string]sample{
		ours:  {initWall: {10, 10}, coldCPU: {9, 9}, firstWall: {4, 4}, warmWall: {1, 1}},
		plain: {initWall: {8, 8}, coldCPU: {10, 10}, firstWall: {10, 10}, warmWall: {1, 1}},
	})
	r.judge()
	met := map[string]bool{}
	for _, bar := range r.Bars {
		met[bar.Text] = bar.Met
	}
	for text, want := range map[string]bool{
		"INIT, upstreams on loopback behind TLS, to the plain version's": false,
		"processor time of INIT and first call, to the plain version's":  true,
		"warm call beyond Atlas's time (HTTP/2), to the plain version's": true,
		"first call, Atlas near, to the plain version's":                 true,
	} {
		if got, told := met[text]; !told || got != want {
			t.Errorf("%q: told %v, met %v; want met %v", text, told, got, want)
		}
	}
	if page := r.markdown(); !strings.Contains(page, "| 1 x | 1.25 |") || !strings.Contains(page, "**no**") {
		t.Errorf("the page does not say which bar is missed:\n%s", page)
	}
}
