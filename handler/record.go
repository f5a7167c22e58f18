package handler

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"atriptoken/secret"
)

// record is the audit line of one request. It is filled in while the request is
// served, written on every path, and never contains the secret, the url, or anything
// that Atlas sent.
type record struct {
	began time.Time
	door  string

	attempts      int
	used          secret.Credentials // by the last attempt
	secret, atlas time.Duration      // time spent waiting for each
	pause         time.Duration      // before the second try, also if Atlas asked for it

	attrs   []slog.Attr
	metrics []metric
}

// metric describes a metric that CloudWatch extracts from an audit line
// (CloudWatch user guide, "Specification: Embedded metric format").
type metric struct {
	Name, Unit string
}

const (
	// Namespace is the CloudWatch namespace of the metrics.
	Namespace = "AtripToken"
	// maxField is the longest text in an audit line, in bytes.
	maxField = 512
)

// text adds texts, each after its key, and leaves empty ones out.
func (r *record) text(pairs ...string) {
	for pair := range slices.Chunk(pairs, 2) {
		key, value := pair[0], pair[1]
		if len(value) > maxField {
			value = strings.ToValidUTF8(value[:maxField], "")
		}
		if value != "" {
			r.attrs = append(r.attrs, slog.String(key, value))
		}
	}
}

func (r *record) list(key string, values []string) {
	if len(values) > 0 {
		r.attrs = append(r.attrs, slog.Any(key, values))
	}
}

func (r *record) add(name, unit string, value float64) {
	r.metrics = append(r.metrics, metric{name, unit})
	r.attrs = append(r.attrs, slog.Float64(name, value))
}

// start adds whether this is the environment's first request, and which policy it has.
func (r *record) start(cold bool, c *Config) {
	r.attrs = append(r.attrs, slog.Bool("coldStart", cold))
	if !cold {
		return
	}
	r.add("ColdStarts", "Count", 1)
	r.add("Policies", "Count", float64(c.Policy.Count()))
	if !c.PolicyModified.IsZero() {
		r.add("PolicyAgeSeconds", "Seconds", max(0, c.Now().Sub(c.PolicyModified).Seconds()))
	}
}

// write writes the line, including the metrics.
func (r *record) write(ctx context.Context, c *Config, o outcome) {
	total := time.Since(r.began)
	level := slog.LevelInfo
	r.add("Requests", "Count", 1)
	if o.fault == nil {
		r.text("outcome", outcomeOK, "urlSha256", o.reply.URL.SHA256())
		r.attrs = append(r.attrs, slog.Int("atlasStatus", o.reply.Status))
		r.add("Succeeded", "Count", 1)
	} else {
		r.text("outcome", string(o.fault.code))
		row := codes[o.fault.code]
		if row.metric != "" {
			r.add(row.metric, "Count", 1)
		}
		switch {
		case o.fault.code == Internal:
			level = slog.LevelError
		case row.status >= 500: // Atlas or the secret
			level = slog.LevelWarn
		}
	}
	r.text("secretVersion", r.used.Version, "secretStage", r.used.Stage)
	r.attrs = append(r.attrs, slog.Float64("ownMs", ms(total-r.secret-r.atlas-r.pause)))
	r.add("TotalMs", "Milliseconds", ms(total))
	if r.secret > 0 {
		r.add("SecretMs", "Milliseconds", ms(r.secret))
	}
	if r.attempts > 0 {
		r.add("AtlasMs", "Milliseconds", ms(r.atlas))
		r.add("Attempts", "Count", float64(r.attempts))
		age := r.began.Round(0).Sub(r.used.FetchedAt) // by the wall clock, which counts freezes
		r.add("SecretAgeSeconds", "Seconds", max(0, age).Seconds())
	}
	if r.pause > 0 {
		r.add("WaitMs", "Milliseconds", ms(r.pause))
	}
	if r.used.Stage == secret.StagePrevious {
		r.add("SecretFallback", "Count", 1)
	}
	r.text("function", c.Function, "version", c.Version)
	r.attrs = append(r.attrs, slog.Any("_aws", map[string]any{"Timestamp": r.began.UnixMilli(), "CloudWatchMetrics": r.directives()}))
	c.Logger.LogAttrs(ctx, level, "request", r.attrs...)
}

// directives describe the metrics to CloudWatch. The function's name is the
// only dimension, since CloudWatch charges for every combination. Links and refusals
// are also counted by version: an alarm compares them during a deployment.
func (r *record) directives() (all []any) {
	directive := func(metrics []metric, dimensions ...string) {
		all = append(all, map[string]any{"Namespace": Namespace, "Dimensions": [][]string{dimensions}, "Metrics": metrics})
	}
	directive(r.metrics, "function")
	for i, m := range r.metrics {
		if m.Name == "Succeeded" || m.Name == "NotPermitted" {
			directive(r.metrics[i:i+1], "function", "version")
		}
	}
	return all
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
