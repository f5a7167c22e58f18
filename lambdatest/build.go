package lambdatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the Go package, given as an import path or a directory, into
// dir/bootstrap and returns that path. A directory may belong to another module
// than the working directory does. It builds as the function is built, with the
// tag lambda.norpc and without C, for the machine that it runs on.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return "", fmt.Errorf("lambdatest: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-o", path)
	if info, err := os.Stat(pkg); err == nil && info.IsDir() {
		build.Dir = pkg
	} else {
		build.Args = append(build.Args, pkg)
	}
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("lambdatest: go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
