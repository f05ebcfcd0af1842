package core

import (
	"encoding/json"
	"reflect"
)

// tokens remembers what was asked for, and made, under each client token of a region.
type clientTokens struct{ made map[string]madeOnce }

type madeOnce struct {
	asked string
	id    string
}

// Once gives client tokens their meaning: the same token with the same parameters returns the id that was made the first time, with other
// parameters it is IdempotentParameterMismatch. token is the value of the input's ClientToken field; empty means no
// protection. make creates the resource and returns its id.
func Once[I any](r *Request, in *I, token *string, make func() (string, error)) (id string, err error) {
	if token == nil || *token == "" {
		return make()
	}
	known := Of[clientTokens](r.Region)
	key, asked := r.Operation+"/"+*token, parametersOf(in)
	if before, ok := known.made[key]; ok {
		if before.asked != asked {
			return "", Refuse("IdempotentParameterMismatch",
				"The client token %s was used with other parameters by an earlier %s.", *token, r.Operation)
		}
		return before.id, nil
	}
	if id, err = make(); err != nil {
		return "", err
	}
	if known.made == nil {
		known.made = map[string]madeOnce{}
	}
	known.made[key] = madeOnce{asked: asked, id: id}
	return id, nil
}

func parametersOf(in any) string {
	text, err := json.Marshal(in)
	if err != nil {
		// SDK inputs are plain data.
		panic(err)
	}
	return reflect.TypeOf(in).String() + string(text)
}
