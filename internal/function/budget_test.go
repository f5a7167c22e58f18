package function

import (
	"testing"
	"time"
)

// Lambda restarts INIT after 10 s, and INIT has more to do than to wait.
func TestInitBudget(t *testing.T) {
	t.Parallel()
	if initBudget <= 0 || initBudget > 5*time.Second {
		t.Errorf("initBudget is %v", initBudget)
	}
}
