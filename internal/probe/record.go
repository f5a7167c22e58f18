package probe

import (
	"encoding/json"
	"io"
	"time"
)

// Namespace is the CloudWatch namespace of the metrics, the broker's own.
const Namespace = "AtripToken"

// Write writes the report as one JSON line, whose embedded metrics CloudWatch takes for the alarms (CloudWatch user
// guide, "Specification: Embedded metric format"). function is the metrics' dimension. A metric is left out when the run
// could not tell it; the alarm on closed doors takes that for a failure.
func (r Report) Write(to io.Writer, function string, now time.Time) error {
	line := map[string]any{
		"timestamp": now.UTC().Format(time.RFC3339Nano), "level": "INFO", "message": "probe",
		"closed": r.Closed, "function": function,
	}
	metrics := []map[string]string{}
	count := func(name string, n int) {
		line[name] = n
		metrics = append(metrics, map[string]string{"Name": name, "Unit": "Count"})
	}
	if n, ok := r.ClosedDoorsOpen(); ok {
		count("ClosedDoorsOpen", n)
	}
	if r.Open != nil {
		line["open"] = r.Open
		failed := 0
		if r.Open.Verdict != LetIn {
			failed = 1
		}
		count("OpenDoorFailed", failed)
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": Namespace, "Dimensions": [][]string{{"function"}}, "Metrics": metrics,
		}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = to.Write(append(text, '\n'))
	return err
}
