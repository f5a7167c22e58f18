// Command release packs what `make release` has built: for each architecture
// one zip that is deployed with SAM CLI alone, without Go, and the SHA-256 of
// each. The same commit gives the same bytes: names are sorted, times and
// owners left out.
//
//	release -version v1.2.3 -built dist/built -out dist
//
// The directory built holds a folder for each architecture, with function/ and
// probe/ in it as `sam build` would have filled them.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	version := flag.String("version", "", "the release's version, for the files' names")
	built := flag.String("built", "dist/built", "what was built, a folder for each architecture")
	out := flag.String("out", "dist", "where the zips go")
	flag.Parse()
	if err := run(*version, *built, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// versions are the names that may stand in a file's name.
var versions = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// run packs every architecture below built and tells each zip's SHA-256, in
// the form that `sha256sum -c` reads.
func run(version, built, out string, sums io.Writer) error {
	if !versions.MatchString(version) {
		return fmt.Errorf("-version %q is not a version: letters, digits, dots and hyphens", version)
	}
	architectures, err := os.ReadDir(built)
	if err != nil {
		return fmt.Errorf("what was built cannot be read: %w", err)
	}
	for _, a := range architectures {
		name := fmt.Sprintf("atriptoken-%s-%s.zip", version, a.Name())
		bundle, err := bundle(a.Name(), filepath.Join(built, a.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(out, name), bundle, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(sums, "%x  %s\n", sha256.Sum256(bundle), name)
	}
	return nil
}
