package template_test

import (
	"path/filepath"
	"testing"

	"atriptoken/e2e/rig"
)

func TestTemplatePassesSAMValidate(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "sam"), "validate", "--lint")
}

func TestTemplatePassesEveryRuleOfCfnLint(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "cfn-lint")) // .cfnlintrc.yaml says what and how
}

func TestTemplatePassesCheckov(t *testing.T) {
	t.Parallel()
	// Each rule that is skipped has its reason beside the resource, in the template.
	rig.Run(t, filepath.Join(rig.Root(), ".tools/checkov/bin/checkov"), "--file", "template.yaml", "--framework", "cloudformation",
		"--skip-download", "--compact", "--quiet")
}
