package lambdatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build builds the Go package in the folder source into dir/bootstrap for this
// machine and returns that path; dir is absolute. The flags are the function's own.
func Build(ctx context.Context, dir, source string) (string, error) {
	path := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-o", path)
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("lambdatest: go build in %s: %w\n%s", source, err, out)
	}
	return path, nil
}

// checkout returns the path of a file or folder of the repository.
func checkout(name string) string {
	_, thisFile, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(thisFile), "..", "..", name)
}
