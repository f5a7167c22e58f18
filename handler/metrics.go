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
	add := func(name, unit string, value any) {
		described = append(described, metric{name, unit})
		attrs = append(attrs, slog.Any(name, value))
	}
	add("Requests", "Count", 1)
	if name, ok := outcomeMetrics[r.outcome]; ok {
		add(name, "Count", 1)
	}
	add("TotalMs", "Milliseconds", ms(total))
	if r.coldStart {
		add("ColdStarts", "Count", 1)
		add("Policies", "Count", r.policyCount)
		if r.policyAge > 0 {
			add("PolicyAgeSeconds", "Seconds", r.policyAge.Seconds())
		}
	}
	if r.compared {
		differs := 0
		if r.candidate != nil {
			differs = 1
		}
		add("CandidateDiffers", "Count", differs)
	}
	if r.secret > 0 {
		add("SecretMs", "Milliseconds", ms(r.secret))
	}
	if r.attempts > 0 {
		add("AtlasMs", "Milliseconds", ms(r.atlas))
		add("Attempts", "Count", r.attempts)
		add("SecretAgeSeconds", "Seconds", r.secretAge.Seconds())
	}
	if r.breakerOpen {
		add("BreakerOpen", "Count", 1)
	}
	if r.secretStage == secret.StagePrevious {
		add("SecretFallback", "Count", 1)
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
