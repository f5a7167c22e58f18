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

// span is the time that a call or a rotation took.
type span struct{ from, to time.Time }

// load calls the function until it is stopped.
type load struct {
	s       *system
	stopped chan struct{}
	workers sync.WaitGroup

	mu       sync.Mutex
	calls    int
	called   *sync.Cond
	failures map[span]string // errorType
}

func startLoad(s *system, concurrency int) *load {
	l := &load{s: s, stopped: make(chan struct{}), failures: map[span]string{}}
	l.called = sync.NewCond(&l.mu)
	for range concurrency {
		l.workers.Go(l.work)
	}
	return l
}

func (l *load) work() {
	for {
		select {
		case <-l.stopped:
			return
		default:
		}
		from := time.Now()
		reply, err := l.s.function.Invoke(l.s.t.Context(), []byte(event), &lambdatest.InvokeOptions{Timeout: 20 * time.Second})
		l.mu.Lock()
		l.calls++
		if reply.Failed() {
			l.failures[span{from, time.Now()}] = reply.ErrorType
		} else if err != nil {
			l.failures[span{from, time.Now()}] = err.Error()
		}
		l.mu.Unlock()
		l.called.Broadcast()
	}
}

// wait returns after n more calls.
func (l *load) wait(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := l.calls + n; l.calls < end; {
		l.called.Wait()
	}
}

func (l *load) stop() {
	close(l.stopped)
	l.workers.Wait()
}

// rotate changes the secret at Atlas and in Secrets Manager, 0.1 s to 2 s apart.
// With an overlap, Atlas accepts both secrets meanwhile.
func rotate(t *testing.T, concurrency int, atlasFirst, overlap bool) {
	value := func(n int) string { return fmt.Sprintf("%s-%d", clientSecret, n) }
	s := newSystem(t)
	moto := rig.Moto(t, "127.0.0.1")
	arn := rig.CreateSecret(t, moto, "atrip", secretValue(value(0)))
	client := secretsmanager.NewFromConfig(rig.AWSConfig(moto))
	s.atlas.SetCredentials(credential(value(0)))
	s.env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = moto
	s.env["ATLAS_SECRET_ARN"] = arn
	s.env["ATRIP_SECRET_TTL"] = "1s" // so that rotations meet refreshes by age
	s.env["AWS_LAMBDA_MAX_CONCURRENCY"] = fmt.Sprint(concurrency)
	s.start()

	l := startLoad(s, concurrency)
	var gaps []span
	for n := 1; n <= rotations; n++ {
		first := func() { s.atlas.SetCredentials(credential(value(n))) }
		second := func() {
			text := secretValue(value(n))
			if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: &text}); err != nil {
				t.Error(err)
			}
		}
		if overlap {
			s.atlas.SetCredentials(credential(value(n)), credential(value(n-1)))
			first = func() {}
		}
		if !atlasFirst {
			first, second = second, first
		}
		l.wait(quietCalls)
		from := time.Now()
		first()
		select {
		case <-time.After(time.Duration(n) * 100 * time.Millisecond):
		case <-t.Context().Done():
		}
		second()
		gaps = append(gaps, span{from, time.Now()})
		l.wait(quietCalls)
		s.atlas.SetCredentials(credential(value(n)))
	}
	l.stop()

	// While Atlas has the new secret and Secrets Manager the old one, no credentials are valid.
	refused := 0
	unexpected := map[string]int{}
	for failure, code := range l.failures {
		inGap := slices.ContainsFunc(gaps, func(g span) bool { return !failure.from.After(g.to) && !failure.to.Before(g.from) })
		if inGap && code == atlasRefused && atlasFirst && !overlap {
			refused++
			continue
		}
		unexpected[code]++
	}
	t.Logf("%d calls, %d rotations, %d refused while no credentials were valid", l.calls, rotations, refused)
	if len(unexpected) > 0 {
		t.Errorf("calls failed although Atlas accepted one of the secret's versions: %v", unexpected)
	}
	if atlasFirst && !overlap && refused == 0 {
		t.Error("no call failed while no credentials were valid: the rotation did not take place")
	}
	s.keepsSecrets()
}
