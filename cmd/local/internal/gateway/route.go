package gateway

// defaultRoute catches what no other route matches (the guide, "Create routes
// for HTTP APIs in API Gateway").
const defaultRoute = "$default"

// match finds the route of a request. Paths are compared as they are: the
// broker has no path parameters.
func (g *Gateway) match(method, path string) (Route, bool) {
	for _, key := range []string{method + " " + path, "ANY " + path, defaultRoute} {
		for _, route := range g.Routes {
			if route.Key == key {
				return route, true
			}
		}
	}
	return Route{}, false
}
