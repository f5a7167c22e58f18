package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// file is one entry of a zip.
type file struct {
	name string
	mode fs.FileMode
	text []byte
}

// epoch is the earliest time that a zip can hold. Every entry bears it.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// pack writes the files into a zip whose bytes depend on them alone.
func pack(files []file) ([]byte, error) {
	slices.SortFunc(files, func(a, b file) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: epoch}
		header.SetMode(f.mode)
		w, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// function packs what Lambda runs: bootstrap, which must be executable, and
// the files beside it.
func function(dir string) ([]byte, error) {
	var files []file
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if relative == "bootstrap" {
			mode = 0o755
		}
		files = append(files, file{filepath.ToSlash(relative), mode, text})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(files, func(f file) bool { return f.name == "bootstrap" }) {
		return nil, fmt.Errorf("%s holds no bootstrap; run make release", dir)
	}
	return pack(files)
}

// bundle packs everything that deploying one architecture takes.
func bundle(architecture, built string) ([]byte, error) {
	var files []file
	for _, name := range []string{"function", "probe"} {
		code, err := function(filepath.Join(built, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name + ".zip", 0o644, code})
	}
	for _, name := range []string{"template.yaml", "samconfig.toml", "LICENSE", "docs/deploy-a-release.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path.Base(name), 0o644, text})
	}
	digest := sha256.New()
	for _, f := range files {
		fmt.Fprintf(digest, "%s %x\n", f.name, sha256.Sum256(f.text))
	}
	for i, f := range files {
		if f.name != "template.yaml" {
			continue
		}
		text, err := template(f.text, architecture, hex.EncodeToString(digest.Sum(nil)))
		if err != nil {
			return nil, fmt.Errorf("template.yaml: %w", err)
		}
		files[i].text = text
	}
	return pack(files)
}
