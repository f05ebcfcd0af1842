package core

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// control serves the JSON endpoint under /_emulator/; the README lists its paths.
func (e *Emulator) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /_emulator/reset", func(w http.ResponseWriter, _ *http.Request) { e.Reset(); done(w) })
	mux.HandleFunc("GET /_emulator/log", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Log()) })
	mux.HandleFunc("DELETE /_emulator/log", func(w http.ResponseWriter, _ *http.Request) { e.ClearLog(); done(w) })
	mux.HandleFunc("GET /_emulator/counts", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Counts()) })
	mux.HandleFunc("DELETE /_emulator/counts", func(w http.ResponseWriter, _ *http.Request) { e.ResetCounts(); done(w) })
	mux.HandleFunc("GET /_emulator/config", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Config()) })
	mux.HandleFunc("PUT /_emulator/config", e.putConfig)
	mux.HandleFunc("GET /_emulator/faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Faults().List()) })
	mux.HandleFunc("PUT /_emulator/faults", e.putFault)
	mux.HandleFunc("DELETE /_emulator/faults", e.deleteFaults)
	mux.HandleFunc("GET /_emulator/held", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Held()) })
	mux.HandleFunc("POST /_emulator/release", e.postRelease)
	mux.HandleFunc("POST /_emulator/act", e.postAct)
	mux.HandleFunc("GET /_emulator/ask/{question}", e.getAsk)
	mux.HandleFunc("GET /_emulator/resources", func(w http.ResponseWriter, r *http.Request) {
		reply(w, e.Resources(r.URL.Query().Get("account"), r.URL.Query().Get("region")))
	})
	mux.HandleFunc("GET /_emulator/records", func(w http.ResponseWriter, r *http.Request) {
		reply(w, e.Records(r.URL.Query().Get("account"), r.URL.Query().Get("region")))
	})
	mux.HandleFunc("GET /_emulator/changes", func(w http.ResponseWriter, r *http.Request) { reply(w, e.Changes(r.URL.Query()["id"]...)) })
	return mux
}

func (e *Emulator) putConfig(w http.ResponseWriter, r *http.Request) {
	changed := e.Config()
	if !read(w, r, &changed) {
		return
	}
	switch changed.Outage {
	case "", "refuse", "503":
	default:
		http.Error(w, fmt.Sprintf(`outage is %q; it can be "" (none), "refuse" or "503"`, changed.Outage), http.StatusBadRequest)
		return
	}
	e.Configure(func(c *Config) { *c = changed })
	reply(w, changed)
}

// putFault takes one fault or a list of them.
func (e *Emulator) putFault(w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	if !read(w, r, &raw) {
		return
	}
	var faults []Fault
	err := json.Unmarshal(raw, &faults)
	if len(raw) > 0 && raw[0] == '{' {
		faults = make([]Fault, 1)
		err = json.Unmarshal(raw, &faults[0])
	}
	ids := []string{}
	for i := 0; err == nil && i < len(faults); i++ {
		var id string
		id, err = e.Faults().put(faults[i])
		ids = append(ids, id)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, map[string][]string{"ids": ids})
}

func (e *Emulator) deleteFaults(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("id"); id != "" {
		e.Faults().Remove(id)
	} else {
		e.Faults().Clear()
	}
	done(w)
}

// postRelease releases the requests of the body {"seq": [1, 2]}, or all without a body.
func (e *Emulator) postRelease(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Seq []int `json:"seq"`
	}
	if r.ContentLength != 0 && !read(w, r, &body) {
		return
	}
	reply(w, map[string]int{"released": e.Release(body.Seq...)})
}

// postAct takes {"action": "spot-interruption", "account": "", "region": "us-east-1", "id": "i-0123"}.
func (e *Emulator) postAct(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action  string `json:"action"`
		Account string `json:"account"`
		Region  string `json:"region"`
		ID      string `json:"id"`
	}
	if !read(w, r, &body) {
		return
	}
	found, err := e.Act(body.Action, body.Account, body.Region, body.ID)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case !found:
		http.Error(w, fmt.Sprintf("the action finds no %s in %s", body.ID, body.Region), http.StatusNotFound)
	default:
		done(w)
	}
}

// getAsk refuses with 403 what the question's answer refuses.
func (e *Emulator) getAsk(w http.ResponseWriter, r *http.Request) {
	about := r.URL.Query()
	answer, err := e.Ask(r.PathValue("question"), about.Get("account"), about.Get("region"), about)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	reply(w, answer)
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		http.Error(w, "the body is not what this path takes: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // a client that has gone away needs no answer
}

func done(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
