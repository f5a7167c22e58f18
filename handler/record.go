package handler

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"atriptoken/atlas"
	"atriptoken/policy"
	"atriptoken/secret"
)

// record is the audit line of one request. It is written on every path and never
// contains the secret, the url, or anything that Atlas sent.
type record struct {
	began     time.Time
	requestID string
	gatewayID string
	coldStart bool

	caller, door         string
	principal            string
	issuer, operatorName string
	unidentified         string
	dropped              []string

	// Set only after validation.
	orderNo, userName, role string

	account                string
	policies, policyErrors []string
	// compared is set if a candidate policy was asked; candidate is its decision
	// if it differs.
	compared  bool
	candidate *policy.Decision
	// Of the policy file, for cold starts. The age is 0 if unknown.
	policyCount int
	policyAge   time.Duration

	outcome                    string
	cause                      string // in the broker's own words
	atlasStatus                *int
	atlasHTTP                  int
	attempts                   int
	breakerOpen                bool
	secretVersion, secretStage string
	secretAge                  time.Duration
	urlSHA256                  string

	secret, atlas time.Duration // time spent waiting for each
	pause         time.Duration // before the second try, also if Atlas asked for it
}

// success records Atlas's reply.
func (r *record) success(reply atlas.Reply) {
	r.outcome = outcomeOK
	r.atlasStatus = &reply.Status
	r.urlSHA256 = reply.URL.SHA256()
}

// write writes the line, including the metrics that CloudWatch extracts.
func (r *record) write(ctx context.Context, logger *slog.Logger, function, version string) {
	total := time.Since(r.began)
	attrs := make([]slog.Attr, 0, 40)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, bounded(value)))
		}
	}
	list := func(key string, values []string) {
		if len(values) > 0 {
			attrs = append(attrs, slog.Any(key, values))
		}
	}
	text("requestId", r.requestID)
	text("gatewayRequestId", r.gatewayID)
	attrs = append(attrs, slog.Bool("coldStart", r.coldStart))
	text("caller", r.caller)
	text("door", r.door)
	text("principal", r.principal)
	text("issuer", r.issuer)
	text("operatorName", r.operatorName)
	text("unidentified", r.unidentified)
	list("droppedHeaders", r.dropped)
	text("userName", r.userName)
	text("role", r.role)
	text("orderNo", r.orderNo)
	text("account", r.account)
	list("policies", r.policies)
	list("policyErrors", r.policyErrors)
	if c := r.candidate; c != nil {
		attrs = append(attrs, slog.Group("candidate", "allowed", c.Allowed, "policies", c.Policies, "policyErrors", c.Errors))
	}
	text("outcome", r.outcome)
	text("cause", r.cause)
	if r.atlasStatus != nil {
		attrs = append(attrs, slog.Int("atlasStatus", *r.atlasStatus))
	}
	if r.atlasHTTP != 0 {
		attrs = append(attrs, slog.Int("atlasHttpStatus", r.atlasHTTP))
	}
	text("secretVersion", r.secretVersion)
	text("secretStage", r.secretStage)
	text("urlSha256", r.urlSHA256)
	attrs = append(attrs, slog.Float64("ownMs", ms(total-r.secret-r.atlas-r.pause)))
	attrs = r.metrics(attrs, total, function, version)
	level := slog.LevelInfo
	switch status := codes[Code(r.outcome)].status; {
	case r.outcome == string(Internal):
		level = slog.LevelError
	case status >= 500: // Atlas or the secret
		level = slog.LevelWarn
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

const (
	// Namespace is the CloudWatch namespace of the metrics.
	Namespace = "AtripToken"
	// maxField is the longest text in an audit line, in bytes.
	maxField = 512
)

func bounded(s string) string {
	if len(s) <= maxField {
		return s
	}
	return strings.ToValidUTF8(s[:maxField], "")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// metric describes a metric that CloudWatch extracts from an audit line
// (CloudWatch user guide, "Specification: Embedded metric format").
type metric struct {
	Name, Unit string
}

// metrics appends the line's metrics and their description. The function's name
// is the only dimension, since CloudWatch charges for every combination. Links and
// refusals are also counted by version: an alarm compares them during a deployment.
func (r *record) metrics(attrs []slog.Attr, total time.Duration, function, version string) []slog.Attr {
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
	directive := func(metrics []metric, dimensions ...string) map[string]any {
		return map[string]any{"Namespace": Namespace, "Dimensions": [][]string{dimensions}, "Metrics": metrics}
	}
	directives := []any{directive(described, "function")}
	if outcome := described[1].Name; outcome == "Succeeded" || outcome == "NotPermitted" {
		directives = append(directives, directive(described[1:2], "function", "version"))
	}
	return append(attrs,
		slog.String("function", function),
		slog.String("version", version),
		slog.Any("_aws", map[string]any{"Timestamp": r.began.UnixMilli(), "CloudWatchMetrics": directives}))
}
