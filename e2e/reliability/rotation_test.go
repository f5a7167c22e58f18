package reliability

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

const (
	rotations = 20
	// quietCalls are made before each rotation, and as many after it.
	quietCalls = 250
)

func TestRotation(t *testing.T) {
	for _, concurrency := range []int{1, 16} {
		for _, atlasFirst := range []bool{true, false} {
			for _, overlap := range []bool{true, false} {
				order := map[bool]string{true: "Atlas first", false: "secret first"}[atlasFirst]
				with := map[bool]string{true: "with an overlap", false: "without an overlap"}[overlap]
				t.Run(fmt.Sprintf("concurrency %d, %s, %s", concurrency, order, with), func(t *testing.T) {
					t.Parallel()
					rotate(t, concurrency, atlasFirst, overlap)
				})
			}
		}
	}
}

// call is the failure, if any, of a call, and whether it met a gap: a time without valid credentials.
type call struct {
	failure string
	gap     bool
}

// load calls the function until ctx ends. It returns the calls as they end. gaps counts the beginnings and ends of gaps.
func load(ctx context.Context, s *system, concurrency int, gaps *atomic.Int32) <-chan call {
	calls := make(chan call, 1000) // so that no worker waits for the receiver
	var workers sync.WaitGroup
	work := func() {
		for ctx.Err() == nil {
			before := gaps.Load()
			reply, err := s.Invoke(s.t.Context(), []byte(event), &lambdatest.InvokeOptions{Timeout: 20 * time.Second})
			c := call{failure: reply.ErrorType, gap: before%2 == 1 || gaps.Load() != before}
			if err != nil {
				c.failure = err.Error()
			}
			calls <- c
		}
	}
	for range concurrency {
		workers.Go(work)
	}
	go func() {
		workers.Wait()
		close(calls)
	}()
	return calls
}

// rotate changes the secret at Atlas and in Secrets Manager, 0.1 s to 2 s apart.
// With an overlap, Atlas accepts both secrets meanwhile.
func rotate(t *testing.T, concurrency int, atlasFirst, overlap bool) {
	value := func(n int) string { return fmt.Sprintf("%s-%d", clientSecret, n) }
	s := newSystem(t)
	moto := rig.Moto(t, "127.0.0.1")
	client := secretsmanager.New(secretsmanager.Options{Region: rig.Region, BaseEndpoint: &moto,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", "")})
	name, text := "atrip", secretValue(value(0))
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
	s.Atlas.SetCredentials(credential(value(0)))
	s.Env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = moto
	s.Env["ATLAS_SECRET_ARN"] = name
	s.Env["ATRIP_SECRET_TTL"] = "1s" // so that rotations meet refreshes by age
	s.Env["AWS_LAMBDA_MAX_CONCURRENCY"] = fmt.Sprint(concurrency)
	s.Start(s.t)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var gaps atomic.Int32
	calls := load(ctx, s, concurrency, &gaps)
	total, refused, unexpected := 0, 0, map[string]int{}
	// receive takes n calls, or those until a time.
	receive := func(n int, until <-chan time.Time) {
		for ; n != 0; n-- {
			select {
			case c, ok := <-calls:
				if !ok {
					return
				}
				total++
				// While Atlas has the new secret and Secrets Manager the old one, no credentials are valid.
				if c.failure == "AtlasRefused" && c.gap && atlasFirst && !overlap {
					refused++
				} else if c.failure != "" {
					unexpected[c.failure]++
				}
			case <-until:
				return
			}
		}
	}
	for n := 1; n <= rotations; n++ {
		first := func() { s.Atlas.SetCredentials(credential(value(n))) }
		second := func() {
			text := secretValue(value(n))
			if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text}); err != nil {
				t.Error(err)
			}
		}
		if overlap {
			s.Atlas.SetCredentials(credential(value(n)), credential(value(n-1)))
			first = func() {}
		}
		if !atlasFirst {
			first, second = second, first
		}
		receive(quietCalls, nil)
		gaps.Add(1)
		first()
		receive(-1, time.After(time.Duration(n)*100*time.Millisecond))
		second()
		gaps.Add(1)
		receive(quietCalls, nil)
		s.Atlas.SetCredentials(credential(value(n)))
	}
	stop()
	receive(-1, nil)

	t.Logf("%d calls, %d rotations, %d refused while no credentials were valid", total, rotations, refused)
	if len(unexpected) > 0 {
		t.Errorf("calls failed although Atlas accepted one of the secret's versions: %v", unexpected)
	}
	if atlasFirst && !overlap && refused == 0 {
		t.Error("no call failed while no credentials were valid: the rotation did not take place")
	}
	s.keepsSecrets()
}
