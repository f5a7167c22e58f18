package handler

import (
	"log/slog"
	"time"

	"atriptoken/secret"
)

// Namespace is the CloudWatch namespace of the metrics.
const Namespace = "AtripToken"

// metric is one that CloudWatch makes of an audit line, by its embedded metric
// format (CloudWatch user guide, "Specification: Embedded metric format").
type metric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// outcomeMetrics are counted one by one, since each has an alarm or a place on
// the dashboard of its own. Every other outcome counts in Requests alone.
var outcomeMetrics = map[string]string{
	outcomeOK:                 "Succeeded",
	string(InvalidRequest):    "InvalidRequest",
	string(NotPermitted):      "NotPermitted",
	string(AtlasRateLimited):  "AtlasRateLimited",
	string(AtlasFailed):       "AtlasFailed",
	string(AtlasRefused):      "AtlasRefused",
	string(SecretUnavailable): "SecretUnavailable",
	string(AtlasUnavailable):  "AtlasUnavailable",
	string(AtlasTimeout):      "AtlasTimeout",
	string(Internal):          "InternalErrors",
}

// metrics appends the line's metrics and their description. The only dimension
// is the function's name: CloudWatch charges for every combination.
func (r *record) metrics(attrs []slog.Attr, total time.Duration, function string) []slog.Attr {
	described := make([]metric, 0, 12)
	add := func(name, unit string, value slog.Value) {
		described = append(described, metric{name, unit})
		attrs = append(attrs, slog.Attr{Key: name, Value: value})
	}
	count := func(name string, n int) { add(name, "Count", slog.IntValue(n)) }
	milliseconds := func(name string, d time.Duration) { add(name, "Milliseconds", slog.Float64Value(ms(d))) }
	seconds := func(name string, d time.Duration) { add(name, "Seconds", slog.Float64Value(d.Seconds())) }
	count("Requests", 1)
	if name, ok := outcomeMetrics[r.outcome]; ok {
		count(name, 1)
	}
	milliseconds("TotalMs", total)
	if r.coldStart {
		count("ColdStarts", 1)
		count("Policies", r.policyCount)
		if r.policyAge > 0 {
			seconds("PolicyAgeSeconds", r.policyAge)
		}
	}
	if r.compared {
		differs := 0
		if r.candidate != nil {
			differs = 1
		}
		count("CandidateDiffers", differs)
	}
	if r.secret > 0 {
		milliseconds("SecretMs", r.secret)
	}
	if r.attempts > 0 {
		milliseconds("AtlasMs", r.atlas)
		count("Attempts", r.attempts)
		seconds("SecretAgeSeconds", r.secretAge)
	}
	if r.breakerOpen {
		count("BreakerOpen", 1)
	}
	if r.secretStage == secret.StagePrevious {
		count("SecretFallback", 1)
	}
	return append(attrs,
		slog.String("function", function),
		slog.Any("_aws", embeddedMetrics{
			Timestamp: r.began.UnixMilli(),
			CloudWatchMetrics: []directive{{
				Namespace: Namespace, Dimensions: [][]string{{"function"}}, Metrics: described,
			}},
		}))
}

type embeddedMetrics struct {
	Timestamp         int64       `json:"Timestamp"`
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string     `json:"Namespace"`
	Dimensions [][]string `json:"Dimensions"`
	Metrics    []metric   `json:"Metrics"`
}
