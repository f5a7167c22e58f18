package diagnosis

import (
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"atriptoken/atlas"
	"atriptoken/secret"
)

// subject is what is looked at, and what earlier checks have learned of it.
type subject struct {
	options Options

	sts            *sts.Client
	cloudformation *cloudformation.Client
	lambda         *lambda.Client
	gateway        *apigatewayv2.Client
	cloudwatch     *cloudwatch.Client
	logs           *cloudwatchlogs.Client
	sns            *sns.Client
	secrets        *secretsmanager.Client
	http           *http.Client

	identified  bool              // AWS knows who asks
	stack       *stack            // nil until the check "stack" has read it
	environment map[string]string // the function's, nil until read
	baseURL     *url.URL          // of Atlas, nil when not known
	reachable   bool              // Atlas, from here
	credentials *secret.Credentials
	alarmTopics []string // that the stack's alarms notify
}

func newSubject(o Options) *subject {
	s := &subject{
		options:        o,
		sts:            sts.NewFromConfig(o.AWS),
		cloudformation: cloudformation.NewFromConfig(o.AWS),
		lambda:         lambda.NewFromConfig(o.AWS),
		gateway:        apigatewayv2.NewFromConfig(o.AWS),
		cloudwatch:     cloudwatch.NewFromConfig(o.AWS),
		logs:           cloudwatchlogs.NewFromConfig(o.AWS),
		sns:            sns.NewFromConfig(o.AWS),
		secrets:        secretsmanager.NewFromConfig(o.AWS),
		http:           o.HTTP,
		baseURL:        o.AtlasBaseURL,
	}
	if s.http == nil {
		s.http = &http.Client{Transport: atlas.NewTransport()}
	}
	// A redirect is an answer here, and following one would hand a token on.
	client := *s.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.http = &client
	return s
}

func (s *subject) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now()
	}
	return time.Now()
}

// needsStack is what every check of the stack's parts finds when the stack
// itself could not be read. That is counted once, by the check "stack".
func needsStack() finding { return skip("the stack could not be read") }

// needsFunction is the same for the function.
func (s *subject) needsFunction() finding {
	if s.stack == nil {
		return needsStack()
	}
	return skip("the function could not be read")
}

// needsAtlas is the same for the address of Atlas.
func (s *subject) needsAtlas() finding {
	if s.options.Stack != "" && s.environment == nil {
		return s.needsFunction()
	}
	return skip("Atlas's address is not known")
}
