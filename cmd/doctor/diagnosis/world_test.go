package diagnosis_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"

	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/doctor/diagnosis"
)

const region = "eu-central-1"

// world is a deployed broker that nothing is wrong with: moto with the stack's
// parts, a gateway in front of the real handler, Atlas's simulator, and an
// identity provider's published documents.
type world struct {
	t       *testing.T
	aws     aws.Config // through front
	direct  aws.Config // to moto itself, to build and to break
	stack   *described // what CloudFormation answers; nil: no such stack
	options diagnosis.Options

	function     string
	apiID        string
	authorizerID string
	topic        string
	secretID     string
	gateway      *gateway
	issuer       *identityProvider
	atlas        *atlastest.Server

	mu        sync.Mutex
	calls     map[string]int // by "Service Operation"
	faults    map[string]http.HandlerFunc
	quota     int
	confirmed int    // subscriptions to the alarms' topic
	urls      string // JSON list of ListFunctionUrlConfigs
}

var accounts atomic.Int64

// emptyWorld has AWS and nothing in it.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	target, err := url.Parse(motoURL(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, calls: map[string]int{}, faults: map[string]http.HandlerFunc{}, quota: 1000, confirmed: 1, urls: "[]"}
	account := fmt.Sprintf("%012d", 210_000_000_000+accounts.Add(1))
	inAccount := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Moto-Account-Id", account)
	}}
	direct, front := httptest.NewServer(inAccount), httptest.NewServer(w.front(inAccount))
	t.Cleanup(direct.Close)
	t.Cleanup(front.Close)
	base := aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
		RetryMaxAttempts: 1, ServiceOptions: []func(string, any){olderProtocol},
	}
	w.aws, w.direct = base.Copy(), base.Copy()
	w.aws.BaseEndpoint, w.direct.BaseEndpoint = aws.String(front.URL), aws.String(direct.URL)
	w.aws.APIOptions = append(w.aws.APIOptions, w.record)
	w.options = diagnosis.Options{AWS: w.aws, HTTP: &http.Client{Transport: &http.Transport{}}}
	return w
}

// olderProtocol makes the CloudWatch client speak AWS Query, which moto knows,
// in place of RPC v2 CBOR.
func olderProtocol(_ string, options any) {
	if o, ok := options.(*cloudwatch.Options); ok {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	}
}

// record notes each call before it is made.
func (w *world) record(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("record",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			w.mu.Lock()
			w.calls[middleware.GetServiceID(ctx)+" "+middleware.GetOperationName(ctx)]++
			w.mu.Unlock()
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

// fault makes AWS answer the operation, "DescribeAlarms" say, with an error.
func (w *world) fault(operation string, status int, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[operation] = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-Amzn-Errortype", code)
		rw.Header().Set("X-Amzn-Query-Error", code+";Sender")
		rw.WriteHeader(status)
		if slices.Contains([]string{"GetCallerIdentity", "GetTopicAttributes", "DescribeAlarms", "GetMetricData"}, operation) || strings.Contains(operation, "Stack") {
			fmt.Fprintf(rw, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>example</Message></Error></ErrorResponse>", code)
			return
		}
		fmt.Fprintf(rw, `{"__type":%q,"message":"example"}`, code)
	}
}

// front stands before moto: it answers for CloudFormation, for the two
// Lambda calls that moto lacks and for confirmed subscriptions, and plays the
// faults.
func (w *world) front(moto http.Handler) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		operation := operationOf(r, form)
		w.mu.Lock()
		fault, stack, quota, confirmed, urls := w.faults[operation], w.stack, w.quota, w.confirmed, w.urls
		w.mu.Unlock()
		switch {
		case fault != nil:
			fault(rw, r)
		case strings.Contains(operation, "Stack"):
			stack.answer(rw, operation, form.Get("StackName"))
		case operation == "GetAccountSettings":
			fmt.Fprintf(rw, `{"AccountLimit":{"ConcurrentExecutions":%d,"UnreservedConcurrentExecutions":%d}}`, quota, quota-10)
		case operation == "ListFunctionUrlConfigs":
			fmt.Fprintf(rw, `{"FunctionUrlConfigs":%s}`, urls)
		case operation == "GetTopicAttributes" && confirmed > 0: // moto confirms no subscription
			fmt.Fprintf(rw, "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>SubscriptionsConfirmed</key>"+
				"<value>%d</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>", confirmed)
		default:
			moto.ServeHTTP(rw, r)
		}
	}
}

// operationOf names the operation of a request, whatever its protocol.
func operationOf(r *http.Request, form url.Values) string {
	if action := form.Get("Action"); action != "" {
		return action
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch last := path[len(path)-1]; {
	case last == "account-settings":
		return "GetAccountSettings"
	case last == "urls":
		return "ListFunctionUrlConfigs"
	case last == "configuration":
		return "GetFunctionConfiguration"
	case last == "event-invoke-config":
		return "GetFunctionEventInvokeConfig"
	case last == "policy":
		return "GetPolicy"
	case slices.Contains(path, "aliases"):
		return "GetAlias"
	case slices.Contains(path, "apis"):
		return "apigateway " + last
	}
	return r.Method + " " + r.URL.Path
}

// diagnose runs every check and returns the result of one.
func (w *world) diagnose(name string) diagnosis.Result {
	w.t.Helper()
	report := diagnosis.Run(w.t.Context(), w.options)
	for _, r := range report {
		if r.Check == name {
			return r
		}
	}
	w.t.Fatalf("there is no check %q", name)
	return diagnosis.Result{}
}
