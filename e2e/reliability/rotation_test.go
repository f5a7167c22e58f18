package reliability

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

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

// call is the time and the failure, if any, of a call. A rotation has a time too.
type call struct {
	from, to time.Time
	failure  string
}

// load calls the function until stop is closed. It returns the calls as they end.
func load(s *system, concurrency int, stop <-chan struct{}) <-chan call {
	calls := make(chan call, 1000) // so that no worker waits for the receiver
	var workers sync.WaitGroup
	work := func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			c := call{from: time.Now()}
			reply, err := s.Invoke(s.t.Context(), []byte(event), &lambdatest.InvokeOptions{Timeout: 20 * time.Second})
			if c.failure = reply.ErrorType; err != nil {
				c.failure = err.Error()
			}
			c.to = time.Now()
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
	arn := rig.CreateSecret(t, moto, "atrip", secretValue(value(0)))
	client := secretsmanager.NewFromConfig(rig.AWSConfig(moto))
	s.Atlas.SetCredentials(credential(value(0)))
	s.Env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = moto
	s.Env["ATLAS_SECRET_ARN"] = arn
	s.Env["ATRIP_SECRET_TTL"] = "1s" // so that rotations meet refreshes by age
	s.Env["AWS_LAMBDA_MAX_CONCURRENCY"] = fmt.Sprint(concurrency)
	s.Start(s.t)

	stop := make(chan struct{})
	calls := load(s, concurrency, stop)
	var gaps, failures []call
	total := 0
	// receive takes n calls, or those until a time.
	receive := func(n int, until <-chan time.Time) {
		for ; n != 0; n-- {
			select {
			case c, ok := <-calls:
				if !ok {
					return
				}
				if total++; c.failure != "" {
					failures = append(failures, c)
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
			if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: &text}); err != nil {
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
		from := time.Now()
		first()
		receive(-1, time.After(time.Duration(n)*100*time.Millisecond))
		second()
		gaps = append(gaps, call{from: from, to: time.Now()})
		receive(quietCalls, nil)
		s.Atlas.SetCredentials(credential(value(n)))
	}
	close(stop)
	receive(-1, nil)

	// While Atlas has the new secret and Secrets Manager the old one, no credentials are valid.
	refused := 0
	unexpected := map[string]int{}
	for _, c := range failures {
		inGap := slices.ContainsFunc(gaps, func(g call) bool { return !c.from.After(g.to) && !c.to.Before(g.from) })
		if inGap && c.failure == "AtlasRefused" && atlasFirst && !overlap {
			refused++
			continue
		}
		unexpected[c.failure]++
	}
	t.Logf("%d calls, %d rotations, %d refused while no credentials were valid", total, rotations, refused)
	if len(unexpected) > 0 {
		t.Errorf("calls failed although Atlas accepted one of the secret's versions: %v", unexpected)
	}
	if atlasFirst && !overlap && refused == 0 {
		t.Error("no call failed while no credentials were valid: the rotation did not take place")
	}
	s.keepsSecrets()
}
