package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// feed streams log lines to the console's pages by server-sent events (HTML
// Living Standard, 9.2). A page that connects gets the last lines first; a page
// that reads too slowly misses lines.
type feed struct {
	mu     sync.Mutex
	recent [][]byte
	pages  map[chan []byte]bool
}

// publish sends one line to every page; source is "function" or "gateway". A line
// that is not JSON is dropped.
func (f *feed) publish(source string, line json.RawMessage) {
	message, err := json.Marshal(map[string]any{"source": source, "line": line})
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recent = append(f.recent, message)
	f.recent = f.recent[max(0, len(f.recent)-20):]
	for page := range f.pages {
		select {
		case page <- message:
		default:
		}
	}
}

// ServeHTTP streams the lines until the page leaves or the request's context ends.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := make(chan []byte, 100)
	f.mu.Lock()
	for _, message := range f.recent {
		page <- message
	}
	f.pages[page] = true
	f.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for flush() == nil && r.Context().Err() == nil {
		select {
		case <-r.Context().Done():
		case message := <-page:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", message) // the flush fails if the page left
		}
	}
	f.mu.Lock()
	delete(f.pages, page)
	f.mu.Unlock()
}
