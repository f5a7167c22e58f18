package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// results are what one run found, and what docs/performance.json holds.
type results struct {
	When    string `json:"when"`
	Machine string `json:"machine"`
	Go      string `json:"go"`
	// SharesRefused tells that memory sizes could not be told apart.
	SharesRefused bool          `json:"processorSharesRefused"`
	Subjects      []subjectSize `json:"subjects"`
	Measured      []measured    `json:"conditions"`
	Growths       []growthTable `json:"growth"`
	Bars          []bar         `json:"bars"`
}

type subjectSize struct {
	Name string  `json:"name"`
	Text string  `json:"text"`
	MB   float64 `json:"programMB,omitempty"`
}

// measured is one condition: the figures of each subject and measure.
type measured struct {
	Name     string                       `json:"name"`
	AtlasMS  float64                      `json:"atlasRTTms"`
	SecretMS [2]float64                   `json:"secretsManagerRTTandServiceMs"`
	MemoryMB int                          `json:"memoryMB,omitempty"`
	Starts   int                          `json:"starts"`
	Warm     int                          `json:"warmCallsEach"`
	Figures  map[string]map[string]figure `json:"subjects"`

	samples map[string]sample
}

type growthTable struct {
	Name    string      `json:"name"`
	Text    string      `json:"text"`
	Columns []string    `json:"columns"`
	Rows    [][]float64 `json:"rows"`
}

// order is how subjects stand in every table.
var order = []string{floor, plain, ours, earlier, rustSDK, rustLean, node, python}

func newResults(m *meter) *results {
	r := &results{When: time.Now().UTC().Format("2006-01-02"), Go: runtime.Version(), Machine: machine()}
	for _, name := range order {
		if s, ok := m.subjects[name]; ok {
			r.Subjects = append(r.Subjects, subjectSize{s.Name, s.Text, s.SizeMB})
		}
	}
	return r
}

// machine names the processor and how many there are.
func machine() string {
	model := runtime.GOARCH
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d processors (%s), %s/%s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH)
}

// add takes in the samples of one condition.
func (r *results) add(c condition, samples map[string]sample) {
	entry := measured{
		Name: c.Name, AtlasMS: ms(c.AtlasRTT), SecretMS: [2]float64{ms(c.SecretsRTT), ms(c.SecretsService)},
		MemoryMB: c.MemoryMB, Starts: c.Starts, Warm: c.Warm, Figures: map[string]map[string]figure{}, samples: samples,
	}
	for name, sample := range samples {
		figures := map[string]figure{}
		for measure, values := range sample {
			figures[measure] = summarize(values)
		}
		entry.Figures[name] = figures
	}
	r.Measured = append(r.Measured, entry)
}

// in returns the condition by its name, nil when it was not measured.
func (r *results) in(name string) *measured {
	for i := range r.Measured {
		if r.Measured[i].Name == name {
			return &r.Measured[i]
		}
	}
	return nil
}

// The report's generated part stands between these two lines.
const (
	beginMark = "<!-- figures of `make bench FULL=1`: begin -->\n"
	endMark   = "<!-- figures: end -->\n"
)

// write puts the figures into performance.md, performance.json and
// performance.svg in dir.
func (r *results) write(dir string) error {
	file := filepath.Join(dir, "performance.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(text, []byte(beginMark))
	_, after, ended := bytes.Cut(rest, []byte(endMark))
	if !found || !ended {
		return errors.New(file + " has no place for the figures: " + beginMark + endMark)
	}
	page := string(before) + beginMark + r.markdown() + endMark + string(after)
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "performance.svg"), []byte(r.chart()), 0o644); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "performance.json"), append(encoded, '\n'), 0o644)
}
