package reliability

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

const (
	rotations        = 20
	callsPerRotation = 500 // 10,000 in all
)

// failure is a call that did not end in a url.
type failure struct {
	began time.Time
	code  string
}

// gap is when Atlas took other credentials than the secret held.
type gap struct{ from, to time.Time }

func TestRotation(t *testing.T) {
	for _, concurrency := range []int{1, 16} {
		for _, atlasFirst := range []bool{true, false} {
			for _, overlap := range []bool{true, false} {
				order := map[bool]string{true: "Atlas first", false: "secret first"}[atlasFirst]
				with := map[bool]string{true: "with an overlap", false: "without"}[overlap]
				t.Run(fmt.Sprintf("concurrency %d, %s, %s", concurrency, order, with), func(t *testing.T) {
					t.Parallel()
					rotate(t, concurrency, atlasFirst, overlap)
				})
			}
		}
	}
}

func rotate(t *testing.T, concurrency int, atlasFirst, overlap bool) {
	s := newSystem(t)
	url, client := moto(t)
	created, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("atrip"), SecretString: value("secret-0")})
	if err != nil {
		t.Fatal(err)
	}
	s.atlas.SetCredentials(credential("secret-0"))
	s.env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = url
	s.env["ATLAS_SECRET_ARN"] = *created.ARN
	// So short that refreshes by age fall into the rotations too.
	s.env["ATRIP_SECRET_TTL"] = "1s"
	s.env["AWS_LAMBDA_MAX_CONCURRENCY"] = fmt.Sprint(concurrency)
	s.start()

	var (
		mu       sync.Mutex
		failures []failure
		gaps     []gap
		left     atomic.Int64
		calls    atomic.Int64
	)
	for n := 1; n <= rotations; n++ {
		left.Store(callsPerRotation)
		var workers sync.WaitGroup
		rotated := make(chan struct{})
		for range concurrency {
			workers.Go(func() {
				for {
					// Calls go on until the rotation is over and all are made.
					if left.Add(-1) < 0 {
						select {
						case <-rotated:
							return
						default:
						}
					}
					calls.Add(1)
					began := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					reply, err := s.runs.Invoke(ctx, []byte(event), &lambdatest.InvokeOptions{Timeout: 20 * time.Second})
					cancel()
					if err != nil {
						t.Error(err)
						return
					}
					if reply.Failed() {
						mu.Lock()
						failures = append(failures, failure{began, reply.ErrorType})
						mu.Unlock()
					}
				}
			})
		}
		next := fmt.Sprintf("secret-%d", n)
		changeAtlas := func() { s.atlas.SetCredentials(credential(next)) }
		if overlap {
			s.atlas.SetCredentials(credential(next), credential(fmt.Sprintf("secret-%d", n-1)))
			changeAtlas = func() {}
		}
		changeSecret := func() {
			if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: created.ARN, SecretString: value(next)}); err != nil {
				t.Error(err)
			}
		}
		first, second := changeAtlas, changeSecret
		if !atlasFirst {
			first, second = changeSecret, changeAtlas
		}
		from := time.Now()
		first()
		select { // the gap: 0.1 s to 2 s
		case <-time.After(time.Duration(n) * 100 * time.Millisecond):
		case <-t.Context().Done():
		}
		second()
		gaps = append(gaps, gap{from, time.Now()})
		close(rotated)
		workers.Wait()
		s.atlas.SetCredentials(credential(next))
	}

	explained := 0
	for _, f := range failures {
		inside := false
		for _, g := range gaps {
			inside = inside || !f.began.After(g.to) && !f.began.Before(g.from.Add(-20*time.Second))
		}
		switch {
		case overlap || !atlasFirst:
			t.Errorf("a call failed with %s though one of the two secrets was good all the time", f.code)
		case f.code != "AtlasRefused":
			t.Errorf("a call in the gap failed with %s, want AtlasRefused", f.code)
		case !inside:
			t.Errorf("a call that began after the rotation failed")
		default:
			explained++
		}
	}
	t.Logf("%d calls, %d rotations, %d failed, each of them begun in a gap", calls.Load(), rotations, explained)
	if s.leaked() {
		t.Error("the process wrote the secret or a token url")
	}
}

func credential(secret string) atlastest.Credential {
	return atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: secret}
}
