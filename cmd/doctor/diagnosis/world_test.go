package diagnosis_test

import (
	"bytes"
	"cmp"
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

// world is a sound deployment: moto with the stack's resources, a gateway in front of the real handler, Atlas's simulator,
// and an identity provider's documents.
type world struct {
	t       *testing.T
	direct  aws.Config // moto itself, to create and to change resources
	stack   *described // what CloudFormation answers; nil: no such stack
	options diagnosis.Options

	function      string
	layer         string
	apiID         string
	authorizerID  string
	integrationID string
	topic         string
	secretID      string
	gateway       *gateway
	issuer        *identityProvider
	atlas         *atlastest.Server

	moto      http.Handler
	mu        sync.Mutex
	calls     map[string]bool // by IAM action
	faults    map[string]http.HandlerFunc
	quota     int
	confirmed int    // subscriptions to the alarms' topic
	urls      string // JSON list of ListFunctionUrlConfigs
	zips      map[string][]byte
}

var accounts atomic.Int64

// emptyWorld has an AWS account without resources.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	target, err := url.Parse(motoURL(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, calls: map[string]bool{}, faults: map[string]http.HandlerFunc{}, quota: 1000, confirmed: 1, urls: "[]"}
	account := fmt.Sprintf("%012d", 210_000_000_000+accounts.Add(1))
	moto := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Moto-Account-Id", account)
	}}
	w.moto = moto
	direct, front := httptest.NewServer(moto), httptest.NewServer(http.HandlerFunc(w.front))
	t.Cleanup(direct.Close)
	t.Cleanup(front.Close)
	w.direct = aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""), BaseEndpoint: aws.String(direct.URL),
		RetryMaxAttempts: 1, ServiceOptions: []func(string, any){olderProtocol},
	}
	w.options = diagnosis.Options{AWS: w.direct.Copy(), HTTP: &http.Client{Transport: &http.Transport{}}}
	w.options.AWS.BaseEndpoint = aws.String(front.URL)
	w.options.AWS.APIOptions = append(w.options.AWS.APIOptions, w.record)
	return w
}

// olderProtocol makes the CloudWatch client use AWS Query: moto does not support RPC v2 CBOR.
func olderProtocol(_ string, options any) {
	if o, ok := options.(*cloudwatch.Options); ok {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	}
}

// record records each call before it is made.
func (w *world) record(stack *middleware.Stack) error {
	note := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error,
	) {
		service, action := middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
		if service == "ApiGatewayV2" && strings.HasPrefix(action, "Get") {
			service, action = "apigateway", "GET"
		}
		service = strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(service, " ", "")), "cloudwatch")
		if service != "sts" { // GetCallerIdentity needs no permission
			w.mu.Lock()
			w.calls[cmp.Or(service, "cloudwatch")+":"+action] = true
			w.mu.Unlock()
		}
		return next.HandleInitialize(ctx, in)
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("record", note), middleware.After)
}

// fault makes AWS answer the operation with an error.
func (w *world) fault(operation string, status int, code string) {
	w.faults[operation] = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Amzn-Errortype", code)
		rw.Header().Set("X-Amzn-Query-Error", code+";Sender")
		rw.WriteHeader(status)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") { // the query protocol
			fmt.Fprintf(rw, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>example</Message></Error></ErrorResponse>", code)
			return
		}
		fmt.Fprintf(rw, `{"__type":%q,"message":"example"}`, code)
	}
}

// front is AWS as doctor sees it: moto, apart from the planted faults and from what moto does not support.
func (w *world) front(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	operation := operationOf(r, form)
	switch fault := w.faults[operation]; {
	case fault != nil:
		fault(rw, r)
	case strings.Contains(operation, "Stack"):
		w.stack.answer(rw, operation, form.Get("StackName"))
	case operation == "GetAccountSettings":
		fmt.Fprintf(rw, `{"AccountLimit":{"ConcurrentExecutions":%d,"UnreservedConcurrentExecutions":%d}}`, w.quota, w.quota-10)
	case operation == "GetFunction" || operation == "GetLayerVersion": // moto's locations are Amazon S3's
		fmt.Fprintf(rw, `{"Code":{"Location":"http://%[1]s/artifact.zip"},"Content":{"Location":"http://%[1]s/layer.zip"}}`, r.Host)
	case w.zips[r.URL.Path] != nil:
		_, _ = rw.Write(w.zips[r.URL.Path])
	case operation == "ListFunctionUrlConfigs":
		fmt.Fprintf(rw, `{"FunctionUrlConfigs":%s}`, w.urls)
	case operation == "GetTopicAttributes" && w.confirmed > 0: // moto confirms no subscription
		fmt.Fprintf(rw, "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>SubscriptionsConfirmed</key>"+
			"<value>%d</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>", w.confirmed)
	default:
		w.moto.ServeHTTP(rw, r)
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
	last := path[len(path)-1]
	switch {
	case slices.Contains(path, "apis"):
		return "apigateway " + last
	case slices.Contains(path, "layers"):
		return "GetLayerVersion"
	case slices.Contains(path, "functions") && path[len(path)-2] == "functions":
		return "GetFunction"
	case slices.Contains(path, "aliases"):
		return "GetAlias"
	}
	return map[string]string{
		"account-settings": "GetAccountSettings", "urls": "ListFunctionUrlConfigs", "configuration": "GetFunctionConfiguration",
		"event-invoke-config": "GetFunctionEventInvokeConfig", "policy": "GetPolicy", "concurrency": "GetFunctionConcurrency",
	}[last]
}

// named returns the result of one check.
func named(t *testing.T, report diagnosis.Report, name string) diagnosis.Result {
	t.Helper()
	i := slices.IndexFunc(report, func(r diagnosis.Result) bool { return r.Check == name })
	if i < 0 {
		t.Fatalf("there is no check %q", name)
	}
	return report[i]
}
