package diagnosis

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"

	"atriptoken/internal/probe"
)

const checkDomain = "check the domain's DNS record and certificate, and the route from here"

// refusals sends requests that API Gateway must refuse: without an identity, with forged tokens, and with a genuine token
// for another audience if one is given.
func refusals(ctx context.Context, s *subject) Result {
	forgeries := probe.WithoutIdentity()
	if s.authorizer != nil {
		audience := strings.Join(s.authorizer.Audience[:min(1, len(s.authorizer.Audience))], "")
		forgeries = append(forgeries, probe.ForgedTokens(aws.ToString(s.authorizer.Issuer), audience)...)
	}
	if s.stack.usesJWT() && !s.options.WrongToken.Empty() {
		forgeries = append(forgeries, probe.BearerToken("API, with a token for another audience", s.options.WrongToken.Reveal()))
	}
	p := probe.Probe{URL: s.stack.outputs[outputURL], HTTP: *s.http}
	var answers []string
	for _, forgery := range forgeries {
		switch check := p.Send(ctx, forgery); check.Verdict {
		case probe.LetIn:
			return fail("%s: passes the gateway (%s)", check.Name, check.Answer).
				fix("the checks routes and authorizer name what was changed; if they pass: %s", s.stack.revert())
		case probe.Unclear:
			return fail("%s: no clear refusal (%s)", check.Name, check.Answer).fix("%s; see what is in front of the API", checkDomain)
		default:
			answers = append(answers, check.Name+": "+check.Answer)
		}
	}
	return pass("refused: %s", strings.Join(answers, "; "))
}

// foreignOrigin is on no list: the name is reserved (RFC 2606).
const foreignOrigin = "https://doctor.invalid"

// cors checks that browsers may call from the stack's pages and from no other.
func cors(ctx context.Context, s *subject) Result {
	id := s.stack.api()
	out, err := s.gateway.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: &id})
	if err != nil {
		return unread(err)
	}
	var allowed []string
	if out.CorsConfiguration != nil {
		allowed = out.CorsConfiguration.AllowOrigins
	}
	if slices.Equal(allowed, []string{"https://none.invalid"}) { // template.yaml's list when no origin is allowed
		allowed = nil
	}
	if i := slices.IndexFunc(allowed, func(o string) bool { return strings.Contains(o, "*") }); i >= 0 {
		return fail("CORS allows %s", allowed[i]).fix("list the pages' origins one by one in CorsOrigins")
	}
	s.compare("the list of origins", strings.Join(allowed, ","), "CorsOrigins", s.stack.revert())
	if len(allowed) == 0 {
		return skip("no page of another origin may call; set CorsOrigins if one should")
	}
	for _, row := range []struct{ origin, want string }{{allowed[0], allowed[0]}, {foreignOrigin, ""}} {
		got, err := s.preflight(ctx, row.origin)
		if err != nil {
			return fail("no answer to a preflight: %s", connectionFault(err)).fix(checkDomain)
		}
		if got != row.want {
			return fail("a preflight from %s is answered with allowed origin %q, not %q", row.origin, oneLine(got), row.want).
				fix("see what is in front of the API; if there is nothing: %s", s.stack.revert())
		}
	}
	return pass("%s may call, another origin may not", strings.Join(allowed, ", "))
}

// preflight returns the origin that the API allows in answer to a preflight request from a page.
func (s *subject) preflight(ctx context.Context, origin string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, s.stack.outputs[outputURL], nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Origin", origin)
	request.Header.Set("Access-Control-Request-Method", http.MethodPost)
	request.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	response, err := s.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return response.Header.Get("Access-Control-Allow-Origin"), nil
}
