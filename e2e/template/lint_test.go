package template_test

import (
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
