package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// kept is how many messages a page that connects gets at once.
const kept = 20

// Feed hands log lines to every open page as they come, by server-sent events
// (HTML Living Standard, 9.2). The zero Feed works.
type Feed struct {
	mu     sync.Mutex
	recent [][]byte
	pages  map[chan []byte]bool
}

// Publish sends one line to every page. source says who wrote it: "function" or
// "gateway". A page that does not read keeps nobody waiting: it misses lines.
func (f *Feed) Publish(source string, line json.RawMessage) {
	message, err := json.Marshal(struct {
		Source string          `json:"source"`
		Line   json.RawMessage `json:"line"`
	}{source, line})
	if err != nil {
		return // not a JSON line: nothing that a page could show
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recent = append(f.recent, message)
	if len(f.recent) > kept {
		f.recent = f.recent[1:]
	}
	for page := range f.pages {
		select {
		case page <- message:
		default:
		}
	}
}

// connect registers a page; what it has missed is in its channel already.
func (f *Feed) connect() chan []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := make(chan []byte, 4*kept)
	for _, message := range f.recent {
		page <- message
	}
	if f.pages == nil {
		f.pages = map[chan []byte]bool{}
	}
	f.pages[page] = true
	return page
}

func (f *Feed) disconnect(page chan []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pages, page)
}

// ServeHTTP streams the lines until the page goes away or the request's context
// ends.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	page := f.connect()
	defer f.disconnect(page)
	flush := http.NewResponseController(w).Flush
	_ = flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case message := <-page:
			if _, err := fmt.Fprintf(w, "data: %s\n\n", message); err != nil {
				return
			}
			_ = flush()
		}
	}
}
