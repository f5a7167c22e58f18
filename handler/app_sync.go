package handler

import (
	"net/netip"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readAppSync reads the context that an AppSync resolver passes to the function
// (AppSync developer guide, "Configuring direct Lambda resolvers" and "Resolver
// mapping template context reference"). The field's arguments are the request; the
// identity is that of the API's authorization mode. A function error becomes the
// GraphQL error's type and message.
func readAppSync(e *event, names claimNames) inbound {
	in := inbound{body: e.Arguments}
	in.identity, in.sourceIP = graphQLIdentity(e.Identity, names)
	return in
}

// graphQLIdentity reads AppSync's identity: claims for Cognito user pools and
// OpenID Connect, userArn for IAM, resolverContext for a Lambda authorizer, null
// for an API key.
func graphQLIdentity(v jsontext.Value, names claimNames) (identity, netip.Addr) {
	var i struct {
		Claims          map[string]jsontext.Value `json:"claims"`
		UserARN         string                    `json:"userArn"`
		AccountID       string                    `json:"accountId"`
		ResolverContext map[string]jsontext.Value `json:"resolverContext"`
		SourceIP        []string                  `json:"sourceIp"`
	}
	if json.Unmarshal(v, &i) != nil {
		return anonymous("the identity is missing or has an unknown form"), netip.Addr{}
	}
	var from netip.Addr
	// With several addresses, the client may have made up the first ones.
	if len(i.SourceIP) == 1 {
		from, _ = netip.ParseAddr(i.SourceIP[0])
	}
	switch {
	case !exactlyOne(i.Claims != nil, i.UserARN != "", i.ResolverContext != nil):
		return anonymous(errIdentityCount), from
	case i.Claims != nil:
		return operator(readTyped(i.Claims), names), from
	case i.UserARN != "":
		return awsPrincipal(i.UserARN, i.AccountID), from
	default:
		return operatorOfContext(i.ResolverContext, names), from
	}
}
