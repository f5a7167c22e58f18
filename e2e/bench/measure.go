package main

import (
	"crypto/tls"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// condition is the world in which subjects are started and called.
type condition struct {
	Name string
	// AtlasRTT and SecretsRTT are the distances, SecretsService the time that
	// Secrets Manager takes for an answer.
	AtlasRTT, SecretsRTT, SecretsService time.Duration
	// HTTP1 has Atlas offer HTTP/1.1 alone, instead of HTTP/2 beside it.
	HTTP1 bool
	// Clear has both upstreams speak HTTP without TLS.
	Clear bool
	// MemoryMB is the function's memory size, which decides its share of the
	// processor; 0 is a whole one.
	MemoryMB int
	// Starts is how many processes of each subject are started, interleaved,
	// and Warm how many calls each answers after its first.
	Starts, Warm int
	// Ahead has the first call come a while after INIT, as with provisioned
	// concurrency and with environments that Lambda starts in advance.
	Ahead bool
	// Variables are added to the function's.
	Variables []string
}

// sample holds one subject's measures in one condition, in milliseconds and
// MB. The keys are the measures below.
type sample map[string][]float64

// The measures.
const (
	initWall  = "init"        // process start to the first poll of the Runtime API
	initCPU   = "init_cpu"    // processor time until then
	firstWall = "first"       // the first call, from its event to its answer
	coldWall  = "cold"        // process start to the first call's answer
	coldCPU   = "cold_cpu"    // processor time of INIT and the first call
	warmWall  = "warm"        // a later call, less the time that Atlas took over it
	warmCPU   = "warm_cpu"    // processor time of a later call, mean of each process
	peakMB    = "peak_mb"     // peak resident memory
	residentM = "resident_mb" // resident memory after the last call
)

// meter is what measures: the upstreams, the subjects and where files go.
type meter struct {
	dir            string
	authority      *authority
	secrets, atlas *upstream
	http1Atlas     *upstream // offers HTTP/1.1 alone
	// clearSecrets and clearAtlas are without TLS.
	clearSecrets, clearAtlas *upstream
	secretsService           atomic.Int64
	subjects                 map[string]*subject
	groups                   map[int]*cpuGroup
	sharesRefused            bool // a group could not be made
	event                    []byte
}

// newMeter builds the subjects and starts the upstreams.
func newMeter(root, bootstrap, dir string) (*meter, error) {
	m := &meter{dir: dir, subjects: map[string]*subject{}, groups: map[int]*cpuGroup{}}
	var err error
	if m.event, err = os.ReadFile(filepath.Join(root, "events/http-api-jwt.json")); err != nil {
		return nil, err
	}
	if m.authority, err = newAuthority(dir); err != nil {
		return nil, err
	}
	service := func() time.Duration { return time.Duration(m.secretsService.Load()) }
	pair := &m.authority.pair
	for _, u := range []struct {
		to     **upstream
		pair   *tls.Certificate
		http2  bool
		handle http.HandlerFunc
	}{
		{&m.secrets, pair, false, secretsManager(service)}, {&m.clearSecrets, nil, false, secretsManager(service)},
		{&m.atlas, pair, true, atlas}, {&m.http1Atlas, pair, false, atlas}, {&m.clearAtlas, nil, false, atlas},
	} {
		if *u.to, err = newUpstream(u.pair, u.http2, u.handle); err != nil {
			return nil, err
		}
	}
	all, err := subjects(root, bootstrap, filepath.Join(root, ".tools/bench"), m.authority)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		m.subjects[s.Name] = s
	}
	return m, nil
}

// addEarlier adds another build of the broker.
func (m *meter) addEarlier(bootstrap string) error {
	s := *m.subjects[ours]
	s.Name, s.Text, s.program = earlier, "the broker, another build", bootstrap
	m.subjects[earlier] = &s
	return m.subjects[earlier].settle(m.authority)
}

// close removes the control groups.
func (m *meter) close() {
	for _, g := range m.groups {
		g.remove()
	}
}

// group is the control group of a memory size, nil for 0 and where groups are
// not permitted.
func (m *meter) group(megabytes int) *cpuGroup {
	if g, ok := m.groups[megabytes]; ok || megabytes == 0 {
		return g
	}
	g, err := newCPUGroup(megabytes)
	if err != nil {
		m.sharesRefused = true
		log.Printf("no share of the processor for %d MB: %v", megabytes, err)
		return nil
	}
	m.groups[megabytes] = g
	return g
}

// variables are a function's environment on Lambda, in the condition.
func (m *meter) variables(s *subject, c condition) ([]string, error) {
	secretsManager := m.secrets
	if c.Clear {
		secretsManager = m.clearSecrets
	}
	secrets, err := secretsManager.at(c.SecretsRTT)
	if err != nil {
		return nil, err
	}
	atlas, err := m.atlasFor(c).at(c.AtlasRTT)
	if err != nil {
		return nil, err
	}
	memory := c.MemoryMB
	if memory == 0 {
		memory = megabytesPerCPU
	}
	all := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=en_US.UTF-8", "TZ=:UTC",
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_SESSION_TOKEN=example",
		"AWS_LAMBDA_FUNCTION_NAME=atriptoken", "AWS_LAMBDA_FUNCTION_VERSION=1", fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", memory),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/atriptoken", "AWS_LAMBDA_LOG_STREAM_NAME=stream", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + filepath.Dir(s.program),
		"SSL_CERT_FILE=" + m.authority.bundle, "SSL_CERT_DIR=" + m.authority.empty,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + secrets, "ATLAS_BASE_URL=" + atlas, "ATLAS_SECRET_ARN=" + secretARN,
	}
	return append(append(all, s.variables...), c.Variables...), nil
}

func (m *meter) atlasFor(c condition) *upstream {
	switch {
	case c.Clear:
		return m.clearAtlas
	case c.HTTP1:
		return m.http1Atlas
	default:
		return m.atlas
	}
}

// measure starts each subject c.Starts times, one after the other and round
// about, so that what disturbs the machine disturbs all of them.
func (m *meter) measure(c condition, names ...string) (map[string]sample, error) {
	m.secretsService.Store(int64(c.SecretsService))
	samples := map[string]sample{}
	var present []*subject
	for _, name := range names {
		if s, ok := m.subjects[name]; ok {
			present = append(present, s)
			samples[name] = sample{}
		}
	}
	for round := range c.Starts {
		for i := range present {
			s := present[(i+round)%len(present)]
			if err := m.once(s, c, samples[s.Name]); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Name, s.Name, err)
			}
		}
	}
	return samples, nil
}

// once starts a process of the subject, calls it, and adds to the sample.
func (m *meter) once(s *subject, c condition, to sample) error {
	variables, err := m.variables(s, c)
	if err != nil {
		return err
	}
	add := func(measure string, value float64) { to[measure] = append(to[measure], value) }
	atlas := m.atlasFor(c)
	atlasCalls := atlas.calls.Load()

	e, err := start(s.program, variables, m.group(c.MemoryMB), m.dir)
	if err != nil {
		return err
	}
	defer e.stop()
	pid := e.command.Process.Pid
	ready, err := e.waitReady()
	if err != nil {
		return err
	}
	add(initWall, ms(ready.Sub(e.started)))
	if c.Ahead {
		time.Sleep(50 * time.Millisecond)
		add(initCPU, ms(cpuTime(pid)))
	}
	first, err := e.invoke(m.event, s.want)
	if err != nil {
		return err
	}
	add(firstWall, ms(first.done.Sub(first.sent)))
	add(coldWall, ms(first.done.Sub(e.started)))
	<-e.polls // the one of INIT
	if err := e.waitPoll(); err != nil {
		return err
	}
	used := cpuTime(pid)
	add(coldCPU, ms(used))
	for range c.Warm {
		busy := atlas.busy.Load()
		in, err := e.invoke(m.event, s.want)
		if err != nil {
			return err
		}
		if err := e.waitPoll(); err != nil {
			return err
		}
		took := in.done.Sub(in.sent)
		if s.works {
			took -= time.Duration(atlas.busy.Load()-busy) + c.AtlasRTT
		}
		add(warmWall, ms(took))
	}
	if c.Warm > 0 {
		add(warmCPU, ms(cpuTime(pid)-used)/float64(c.Warm))
	}
	add(peakMB, resident(pid, true))
	add(residentM, resident(pid, false))
	if got := atlas.calls.Load() - atlasCalls; s.works && got != int64(c.Warm)+1 {
		return fmt.Errorf("called Atlas %d times for %d calls", got, c.Warm+1)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
