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

// metrics appends the line's metrics and their description. The function's name
// is the only dimension: CloudWatch charges for every combination.
func (r *record) metrics(attrs []slog.Attr, total time.Duration, function string) []slog.Attr {
	described := make([]metric, 0, 12)
	add := func(name, unit string, value float64) {
		described = append(described, metric{name, unit})
		attrs = append(attrs, slog.Float64(name, value))
	}
	add("Requests", "Count", 1)
	if r.outcome == outcomeOK {
		add("Succeeded", "Count", 1)
	} else if name := codes[Code(r.outcome)].metric; name != "" {
		add(name, "Count", 1)
	}
	add("TotalMs", "Milliseconds", ms(total))
	if r.coldStart {
		add("ColdStarts", "Count", 1)
		add("Policies", "Count", float64(r.policyCount))
		if r.policyAge > 0 {
			add("PolicyAgeSeconds", "Seconds", r.policyAge.Seconds())
		}
	}
	if r.candidate != nil {
		add("CandidateDiffers", "Count", 1)
	} else if r.compared {
		add("CandidateDiffers", "Count", 0)
	}
	if r.secret > 0 {
		add("SecretMs", "Milliseconds", ms(r.secret))
	}
	if r.attempts > 0 {
		add("AtlasMs", "Milliseconds", ms(r.atlas))
		add("Attempts", "Count", float64(r.attempts))
		add("SecretAgeSeconds", "Seconds", r.secretAge.Seconds())
	}
	if r.pause > 0 {
		add("WaitMs", "Milliseconds", ms(r.pause))
	}
	if r.breakerOpen {
		add("BreakerOpen", "Count", 1)
	}
	if r.secretStage == secret.StagePrevious {
		add("SecretFallback", "Count", 1)
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
