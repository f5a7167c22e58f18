package lambdatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the Go package, given as an import path or a directory, into
// dir/bootstrap and returns that path. It builds as the function is built, with
// the tag lambda.norpc and without C, for the machine that it runs on.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	path := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("lambdatest: go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
