package policy

import (
	"fmt"
	"regexp"
)

// parseError puts the file's name, line and column in front, as compilers do.
func parseError(name string, err error) error {
	// This is how cedar-go's parser says where it stopped.
	at := regexp.MustCompile(`<input>:(\d+):(\d+)[: ]*(.*)$`).FindStringSubmatch(err.Error())
	if at == nil {
		return fmt.Errorf("%s: is not a Cedar policy: %w", name, err)
	}
	return fmt.Errorf("%s:%s:%s: is not a Cedar policy: near %s", name, at[1], at[2], at[3])
}
