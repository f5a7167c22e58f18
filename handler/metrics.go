package handler

import (
	"log/slog"
	"time"

	"atriptoken/secret"
)

// Namespace is the CloudWatch namespace of the metrics.
const Namespace = "AtripToken"

// metric describes a metric that CloudWatch extracts from an audit line
// (CloudWatch user guide, "Specification: Embedded metric format").
type metric struct {
	Name, Unit string
}

// outcomeMetrics are the outcomes with their own alarm or dashboard graph. Every
// other outcome counts only in Requests.
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

// metrics appends the line's metrics and their description. The function's name
// is the only dimension: CloudWatch charges for every combination.
func (r *record) metrics(attrs []slog.Attr, total time.Duration, function string) []slog.Attr {
	described := make([]metric, 0, 12)
	add := func(name, unit string, value slog.Value) {
		described = append(described, metric{name, unit})
		attrs = append(attrs, slog.Attr{Key: name, Value: value})
	}
	count := func(name string, n int) { add(name, "Count", slog.IntValue(n)) }
	milliseconds := func(name string, d time.Duration) { add(name, "Milliseconds", slog.Float64Value(ms(d))) }
	age := func(name string, d time.Duration) { add(name, "Seconds", slog.Float64Value(d.Seconds())) }
	count("Requests", 1)
	if name, ok := outcomeMetrics[r.outcome]; ok {
		count(name, 1)
	}
	milliseconds("TotalMs", total)
	if r.coldStart {
		count("ColdStarts", 1)
		count("Policies", r.policyCount)
		if r.policyAge > 0 {
			age("PolicyAgeSeconds", r.policyAge)
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
		age("SecretAgeSeconds", r.secretAge)
	}
	if r.pause > 0 {
		milliseconds("WaitMs", r.pause)
	}
	if r.breakerOpen {
		count("BreakerOpen", 1)
	}
	if r.secretStage == secret.StagePrevious {
		count("SecretFallback", 1)
	}
	return append(attrs,
		slog.String("function", function),
		slog.Any("_aws", map[string]any{
			"Timestamp": r.began.UnixMilli(),
			"CloudWatchMetrics": []any{
				map[string]any{"Namespace": Namespace, "Dimensions": [][]string{{"function"}}, "Metrics": described},
			},
		}))
}
