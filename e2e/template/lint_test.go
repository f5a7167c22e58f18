package template_test

import (
	"path/filepath"
	"testing"

	"atriptoken/e2e/rig"
)

// The template gives the reason for each skipped rule.
func TestTemplate_Linters(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "sam"), "validate", "--lint")
	rig.Run(t, rig.Tool(t, "cfn-lint")) // .cfnlintrc.yaml names the template and the rules
	rig.Run(t, filepath.Join(rig.Root(), ".tools/checkov/bin/checkov"), "--file", "template.yaml", "--framework", "cloudformation",
		"--skip-download", "--compact", "--quiet")
}
