package main_test

import (
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

// If the system has a bundle of root certificates, its directories of certificates
// are not read; a directory that the owner names is.
func TestStart_RootDirectories(t *testing.T) {
	t.Parallel()
	atlas := atlastest.NewServer(&atlastest.Options{TLS: true, PublicURL: "https://atrip.atriptech.com"})
	t.Cleanup(atlas.Close)
	artifact := t.TempDir()
	certificates := filepath.Join(artifact, "certificates")
	none, bundle := filepath.Join(artifact, "none"), filepath.Join(artifact, "bundle.pem")
	if err := errors.Join(os.Mkdir(certificates, 0o700), os.WriteFile(bundle, nil, 0o600),
		os.Symlink(filepath.Join(filepath.Dir(lambdatest.Bootstrap(t)), "policies"), filepath.Join(artifact, "policies")),
		os.WriteFile(filepath.Join(certificates, "atlas.pem"),
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: atlas.Certificate().Raw}), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		bundle, directory string
		trusted           bool
	}{
		"the artifact's instead of the system's": {bundle, "", true},
		"no bundle: the system's":                {none, "", false},
		"the owner's":                            {bundle, certificates, true},
		"only the owner's":                       {bundle, none, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newBroker(t)
			f.Env["ATLAS_BASE_URL"], f.Env["LAMBDA_TASK_ROOT"] = atlas.URL, artifact
			f.Env["SSL_CERT_FILE"], f.Env["SSL_CERT_DIR"] = row.bundle, row.directory
			f.Start(t)
			reply, err := f.Invoke(t.Context(), []byte(event), nil)
			if err != nil || reply.Failed() == row.trusted {
				f.Stop()
				t.Errorf("the answer is %s (%v), trusted should be %t\n%s", reply.Payload, err, row.trusted, f.Stdout())
			}
		})
	}
}
