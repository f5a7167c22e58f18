package probe

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
)

// Namespace is the CloudWatch namespace of the metrics, the broker's own.
const Namespace = "AtripToken"

// Write writes the report as one JSON line with embedded metrics for the alarms (CloudWatch user guide, "Specification:
// Embedded metric format"). function is the metrics' dimension. A metric is left out when its value is unknown, which the
// alarm on closed doors counts as a failure.
func (r Report) Write(to io.Writer, function string, now time.Time) error {
	line := map[string]any{
		"timestamp": now.UTC().Format(time.RFC3339Nano), "level": "INFO", "message": "probe",
		"closed": r.Closed, "function": function,
	}
	viaAPI := 0 // the gateway counts them as refused: an alarm subtracts them
	for _, check := range slices.Concat(r.Closed, r.Open) {
		if strings.HasPrefix(check.Name, "API") {
			viaAPI++
		}
	}
	metrics := []map[string]string{}
	count := func(name string, n int) {
		line[name] = n
		metrics = append(metrics, map[string]string{"Name": name, "Unit": "Count"})
	}
	count("ProbeRun", 1)
	count("ProbeRefused", viaAPI)
	if n := number(r.Closed, LetIn); n > 0 || number(r.Closed, Unclear) == 0 {
		count("ClosedDoorsOpen", n)
	}
	if len(r.Open) > 0 {
		line["open"] = r.Open
		count("OpenDoorFailed", len(r.Open)-number(r.Open, LetIn))
	}
	line["_aws"] = map[string]any{
		"Timestamp":         now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{"Namespace": Namespace, "Dimensions": [][]string{{"function"}}, "Metrics": metrics}},
	}
	return json.NewEncoder(to).Encode(line)
}
