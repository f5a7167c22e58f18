package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// withBody returns the event with a body of that many bytes: a valid request
// and white space, as no valid request has that many characters of its own.
// The signed-in operator stands in for the user name.
func withBody(event []byte, size int) ([]byte, error) {
	body := `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`
	if size < len(body) {
		return nil, fmt.Errorf("a body has at least %d bytes", len(body))
	}
	body = strings.Replace(body, ",", ","+strings.Repeat(" ", size-len(body)), 1)
	var members map[string]any
	if err := json.Unmarshal(event, &members); err != nil {
		return nil, err
	}
	members["body"] = body
	return json.Marshal(members)
}
