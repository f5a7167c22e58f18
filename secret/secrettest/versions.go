package secrettest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The staging labels that Secrets Manager moves by itself.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// content is what a version holds: text or bytes, never both.
type content struct {
	text   *string
	binary []byte
}

func (c content) equal(other content) bool {
	if c.text == nil || other.text == nil {
		return c.text == other.text && bytes.Equal(c.binary, other.binary)
	}
	return *c.text == *other.text
}

type version struct {
	id      string
	content content
	stages  []string
	created time.Time
}

// clone is a version that the caller may keep while others are put.
func (v *version) clone() version {
	c := *v
	c.stages = slices.Clone(v.stages)
	return c
}

// versions are those of one secret, oldest first.
type versions struct {
	arn string
	now func() time.Time

	mu  sync.Mutex
	all []*version
}

// put adds a version. An empty id means a new one, no stages mean AWSCURRENT.
// Putting the same content under an id again does nothing; other content is
// an error.
func (s *versions) put(id string, c content, stages ...string) (version, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		id = newUUID()
	}
	if known := s.byID(id); known != nil {
		if !known.content.equal(c) {
			return version{}, &apiError{"ResourceExistsException", fmt.Sprintf("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, s.arn)}
		}
		return known.clone(), nil
	}
	if len(stages) == 0 {
		stages = []string{stageCurrent}
	}
	if len(s.all) == 0 && !slices.Contains(stages, stageCurrent) {
		stages = append(slices.Clone(stages), stageCurrent)
	}
	v := &version{id: id, content: c, created: s.now()}
	s.all = append(s.all, v)
	for _, stage := range stages {
		left := s.move(stage, v)
		if stage == stageCurrent && left != nil {
			s.move(stagePrevious, left)
		}
	}
	return v.clone(), nil
}

// move attaches a label to one version alone and returns the version that it
// left, if any.
func (s *versions) move(stage string, to *version) (left *version) {
	if left = s.byStage(stage); left == to {
		return nil
	}
	if left != nil {
		left.stages = slices.DeleteFunc(left.stages, func(s string) bool { return s == stage })
	}
	to.stages = append(to.stages, stage)
	return left
}

// get finds a version by id, by label or by both, which then have to agree.
// With neither it is the one labelled AWSCURRENT.
func (s *versions) get(id, stage string) (version, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		if stage == "" {
			stage = stageCurrent
		}
		if v := s.byStage(stage); v != nil {
			return v.clone(), nil
		}
		return version{}, notFound("value for staging label: " + stage)
	}
	v := s.byID(id)
	if v == nil {
		return version{}, notFound("value for VersionId: " + id)
	}
	if stage != "" && !slices.Contains(v.stages, stage) {
		return version{}, &apiError{"InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."}
	}
	return v.clone(), nil
}

// list returns the versions, oldest first.
func (s *versions) list() []version {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]version, len(s.all))
	for i, v := range s.all {
		list[i] = v.clone()
	}
	return list
}

func (s *versions) byID(id string) *version {
	for _, v := range s.all {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (s *versions) byStage(stage string) *version {
	for _, v := range s.all {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

// newUUID returns a random UUID (RFC 9562, version 4), as the SDKs make them
// for ClientRequestToken.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
