package policy

import (
	"errors"
	"regexp"
	"strings"
)

// parseError puts the file's name, line and column in front, as compilers do,
// in the place of what cedar-go's parser writes there.
func parseError(name string, err error) error {
	where := regexp.MustCompile(`^.*<input>:(\d+):(\d+)[: ]*`)
	name = strings.ReplaceAll(name, "$", "$$")
	return errors.New(where.ReplaceAllString(err.Error(), name+":$1:$2: is not a Cedar policy: near "))
}
