package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// subject is one function that is measured.
type subject struct {
	// Name is what the tables call it, Text what it is.
	Name, Text string
	// program is its bootstrap.
	program string
	// variables are what it needs beyond what all have.
	variables []string
	// want has to be in each of its answers.
	want string
	// works tells that it does the work; the floor does not.
	works bool
	// SizeMB is its program's size, without a runtime that it shares.
	SizeMB float64
}

// The subjects' names, where the bars speak of them.
const (
	floor    = "floor"
	plain    = "plain"
	ours     = "broker"
	rustSDK  = "rust-sdk"
	rustLean = "rust-lean"
	node     = "node"
	python   = "python"
	earlier  = "before" // another build of the broker
)

// flags are how every subject in Go is built, the broker too (see the Makefile).
var flags = []string{"build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w"}

// subjects builds what the machine has the tools for, into dir, and says on
// standard error what is absent. root is the project's directory; the broker
// itself is in bootstrap.
func subjects(root, bootstrap, dir string, a *authority) ([]*subject, error) {
	all := []*subject{
		{Name: floor, Text: "hello on aws-lambda-go", want: "hello"},
		{Name: plain, Text: "Go, the same work written in an afternoon", works: true},
		{Name: ours, Text: "the broker", program: bootstrap, works: true},
	}
	for _, s := range all[:2] {
		s.program = filepath.Join(dir, s.Name, "bootstrap")
		if err := run(root, nil, "go", append(flags, "-o", s.program, "./bench/"+s.Name)...); err != nil {
			return nil, err
		}
	}
	peers := []struct {
		subject
		tool  string
		build func(source, out string) error
	}{
		{subject{Name: rustSDK, Text: "Rust: lambda_runtime, the AWS SDK, reqwest"}, "cargo", cargo},
		{subject{Name: rustLean, Text: "Rust: lambda_runtime, hyper, SigV4 by hand"}, "cargo", cargo},
		{subject{Name: node, Text: "Node.js, AWS SDK v3, bundled"}, "node", npm},
		{subject{Name: python, Text: "Python, boto3"}, "python3.11", pip},
	}
	for _, p := range peers {
		s := p.subject
		s.works = true
		source, out := filepath.Join(root, "bench/peers", s.Name), filepath.Join(dir, s.Name)
		s.program = filepath.Join(out, "bootstrap")
		if _, err := exec.LookPath(p.tool); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s is absent: there is no %s here\n", s.Name, p.tool)
			continue
		}
		if _, err := os.Stat(s.program); err != nil { // built once: they do not change, and Rust takes minutes
			if err := p.build(source, out); err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s is absent: %v\n", s.Name, err)
				continue
			}
		}
		all = append(all, &s)
	}
	for _, s := range all {
		if err := s.settle(a); err != nil {
			return nil, err
		}
		if s.works {
			s.want = "token=example"
		}
		if info, err := os.Stat(s.program); err == nil && s.Name != node && s.Name != python {
			s.SizeMB = float64(info.Size()) / 1e6
		}
		switch s.Name {
		case ours:
			s.variables = []string{"GOMAXPROCS=1"} // as template.yaml sets it
		case rustLean:
			s.variables = []string{"PEER_ROOTS=" + a.root}
		case node:
			s.variables = []string{"NODE_EXTRA_CA_CERTS=" + a.root}
		case python:
			s.variables = []string{"AWS_CA_BUNDLE=" + a.bundle}
		}
	}
	return all, nil
}

// settle copies a program that is one file to where all of them lie, written
// in one go as Lambda unpacks an artifact: how a linker left it in the page
// cache makes 10 % of a start.
func (s *subject) settle(a *authority) error {
	if s.Name == node || s.Name == python {
		return nil
	}
	program, err := os.ReadFile(s.program)
	if err != nil {
		return err
	}
	dir := filepath.Join(a.dir, s.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if from := filepath.Join(filepath.Dir(s.program), "policies"); s.Name == ours || s.Name == earlier {
		if err := os.CopyFS(filepath.Join(dir, "policies"), os.DirFS(from)); err != nil {
			return err
		}
	}
	s.program = filepath.Join(dir, "bootstrap")
	return os.WriteFile(s.program, program, 0o755)
}

func cargo(source, out string) error {
	if err := run(source, nil, "cargo", "build", "-q", "--release", "--locked", "--target-dir", out+"/target"); err != nil {
		return err
	}
	return os.Rename(out+"/target/release/bootstrap", out+"/bootstrap")
}

func npm(source, out string) error {
	for _, step := range [][]string{
		{source, "npm", "ci", "--silent"},
		{source, "node_modules/.bin/esbuild", "index.mjs", "--bundle", "--minify", "--platform=node", "--target=node20", "--format=esm",
			"--main-fields=module,main", "--log-level=warning", "--outfile=" + out + "/out/index.mjs",
			`--banner:js=import{createRequire}from"node:module";const require=createRequire(import.meta.url);`},
		// The Runtime Interface Client is what Lambda's own runtime has built in.
		{out, "npm", "install", "--silent", "--no-save", "--prefix", out + "/ric", "aws-lambda-ric@4.0.2"},
		{out, "cp", "-R", "ric/node_modules/aws-lambda-ric/.", "out/ric/"},
		{source, "cp", "bootstrap", out + "/bootstrap"},
	} {
		if err := os.MkdirAll(out+"/out/ric", 0o755); err != nil {
			return err
		}
		if err := run(step[0], nil, step[1], step[2:]...); err != nil {
			return err
		}
	}
	return nil
}

func pip(source, out string) error {
	for _, step := range [][]string{
		{"python3.11", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", out + "/out", "-r", "requirements.txt"},
		{"cp", "app.py", out + "/out/"},
		{"cp", "bootstrap", out + "/bootstrap"},
		{"python3.11", "-m", "compileall", "-q", out + "/out"},
	} {
		if err := run(source, nil, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command in dir; what it said is in the error.
func run(dir string, variables []string, name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "CGO_ENABLED=0"), variables...)
	if text, err := command.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return fmt.Errorf("%s %s: %w: %s", name, arguments[0], err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	}
	return nil
}
