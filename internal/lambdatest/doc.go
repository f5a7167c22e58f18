// Package lambdatest runs a built Lambda bootstrap as Lambda does, for tests,
// in the manner of net/http/httptest: a real process with an environment of
// its own, in front of a Runtime API served on loopback.
//
//	f, err := lambdatest.Start(ctx, lambdatest.Options{Path: bootstrap, Env: env})
//	if err != nil { … }        // it ended before it asked for work: err says why
//	defer f.Stop()
//	reply, err := f.Invoke(ctx, event, nil)
//
// The Runtime API is the one that provided.al2023 functions speak (Lambda
// developer guide, "Using the Lambda runtime API"). Several invocations may be
// under way at once only as far as the process asks for several; Lambda itself
// gives an environment one at a time.
//
// What it leaves out: Lambda's own timeout (Invoke's context bounds the wait
// and the process goes on), restarts, and response streaming.
package lambdatest
