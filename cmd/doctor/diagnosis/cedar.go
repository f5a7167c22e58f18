package diagnosis

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"atriptoken/internal/policycheck"
	"atriptoken/policy"
)

// cedarPolicy checks the policies of the version behind the alias api, where the function reads them.
func cedarPolicy(ctx context.Context, s *subject) Result {
	var inForce []string
	for _, file := range s.policies {
		if file == "" {
			continue
		}
		text, where, err := s.policyText(ctx, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fail("%s is not in %s: the function does not start", file, where).
				fix("correct PolicyFile, PolicyCandidateFile or PolicyLayerArn, or what is in the layer, and deploy again")
		case err != nil:
			return unreadOr(err, where+" was deleted, so it cannot be deployed again",
				"publish a version, and set PolicyLayerArn to it")
		}
		for _, problem := range policycheck.Check(file, text) {
			if !problem.Warning {
				return fail("a policy is wrong: %v", problem).fix("correct it, publish and deploy again: docs/policy.md, Without building the function")
			}
		}
		rules, err := policy.Parse(file, text)
		if err != nil || rules.PermitsAnonymous() {
			return fail("%s permits callers without an identity: the function does not start", file).
				fix("name another type of principal in every permit, and deploy again")
		}
		inForce = append(inForce, fmt.Sprintf("%s in %s has %d policies", file, where, rules.Count()))
	}
	return pass("%s", strings.Join(inForce, "; the candidate "))
}

// policyText reads a policy from the function's zip or, below /opt, from its layers, of which later ones hide earlier ones. The
// error is fs.ErrNotExist for a file that is not there.
func (s *subject) policyText(ctx context.Context, file string) (text []byte, where string, err error) {
	inLayer, ok := strings.CutPrefix(file, "/opt/")
	if !ok {
		where = "the artifact"
		out, err := s.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: s.function.FunctionName, Qualifier: s.function.Version})
		if err != nil {
			return nil, where, err
		}
		text, err = s.unzipped(ctx, aws.ToString(out.Code.Location), strings.TrimPrefix(file, "/var/task/"))
		return text, where, err
	}
	where, err = "a layer, of which the function has none", fs.ErrNotExist
	for _, layer := range slices.Backward(s.function.Layers) {
		where = aws.ToString(layer.Arn)
		colon := strings.LastIndexByte(where, ':')
		version, _ := strconv.ParseInt(where[colon+1:], 10, 64) // Lambda wrote it
		out, err := s.lambda.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: aws.String(where[:colon]), VersionNumber: &version})
		if err != nil {
			return nil, where, err
		}
		if text, err = s.unzipped(ctx, aws.ToString(out.Content.Location), inLayer); !errors.Is(err, fs.ErrNotExist) {
			return text, where, err
		}
	}
	return nil, where, err
}

// unzipped downloads a zip and returns a file of it. No part of the URL, which is signed, may be printed.
func (s *subject) unzipped(ctx context.Context, location, name string) ([]byte, error) {
	archive, err := s.download(ctx, location, 64<<20) // Lambda takes 50 MB
	if err != nil {
		return nil, err
	}
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(files, path.Clean(name))
}
