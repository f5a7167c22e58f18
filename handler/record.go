package handler

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// record is the audit line of one request: what was asked, by whom, what was
// decided and what came of it. It is filled as the request goes and written on
// every path. It never holds the secret, the url, or anything that Atlas said.
type record struct {
	began     time.Time
	requestID string
	gatewayID string
	coldStart bool

	caller       string
	door         string
	principal    string
	unidentified string
	dropped      []string

	// Set once the request is valid: never unchecked text.
	orderNo, userName, role string

	account      string
	policies     []string
	policyErrors []string
	// compared tells that a candidate policy was asked too; candidate is its
	// decision when that is another.
	compared  bool
	candidate *policy.Decision

	// Of the policy file, told on a cold start: how many policies it holds, and how
	// long ago it was changed, 0 when that is not known.
	policyCount int
	policyAge   time.Duration

	outcome       string
	atlasStatus   *int
	atlasHTTP     int
	attempts      int
	breakerOpen   bool
	secretVersion string
	secretStage   string
	secretAge     time.Duration
	urlSHA256     string
	cause         string // in our own words

	secret, atlas time.Duration // spent waiting for each
}

// requestID is Lambda's id of the invocation, "" outside Lambda.
func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// success notes what Atlas returned.
func (r *record) success(reply atlas.Reply) {
	r.outcome = outcomeOK
	r.atlasStatus = &reply.Status
	r.urlSHA256 = reply.URL.SHA256()
}

// write writes the line, with the metrics that CloudWatch takes from it.
func (r *record) write(ctx context.Context, logger *slog.Logger, function string) {
	total := time.Since(r.began)
	attrs := make([]slog.Attr, 0, 40)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("requestId", r.requestID)
	text("gatewayRequestId", r.gatewayID)
	attrs = append(attrs, slog.Bool("coldStart", r.coldStart))
	text("caller", r.caller)
	text("door", r.door)
	text("principal", r.principal)
	text("unidentified", r.unidentified)
	if len(r.dropped) > 0 {
		attrs = append(attrs, slog.Any("droppedHeaders", r.dropped))
	}
	text("userName", r.userName)
	text("role", r.role)
	text("orderNo", r.orderNo)
	text("account", r.account)
	if len(r.policies) > 0 {
		attrs = append(attrs, slog.Any("policies", r.policies))
	}
	if len(r.policyErrors) > 0 {
		attrs = append(attrs, slog.Any("policyErrors", r.policyErrors))
	}
	if r.candidate != nil {
		attrs = append(attrs, slog.Group("candidate", "allowed", r.candidate.Allowed, "policies", r.candidate.Policies, "policyErrors", r.candidate.Errors))
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
	attrs = append(attrs, slog.Float64("ownMs", ms(total-r.secret-r.atlas)))
	attrs = r.metrics(attrs, total, function)
	level := slog.LevelInfo
	switch Code(r.outcome) {
	case Internal:
		level = slog.LevelError
	case AtlasFailed, AtlasRefused, SecretUnavailable, AtlasUnavailable, AtlasTimeout:
		level = slog.LevelWarn
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
