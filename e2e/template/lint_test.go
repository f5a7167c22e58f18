package template_test

import (
	"path/filepath"
	"testing"

	"atriptoken/e2e/rig"
)

func TestTemplate_SAMValidate(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "sam"), "validate", "--lint")
}

func TestTemplate_CfnLint(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "cfn-lint")) // .cfnlintrc.yaml names the template and the rules
}

func TestTemplate_Checkov(t *testing.T) {
	t.Parallel()
	// The template gives the reason for each skipped rule next to the resource.
	rig.Run(t, filepath.Join(rig.Root(), ".tools/checkov/bin/checkov"), "--file", "template.yaml", "--framework", "cloudformation",
		"--skip-download", "--compact", "--quiet")
}
