package core

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Session is what AssumeRole gave out: a temporary access key.
type Session struct {
	Account string
	ARN     string
	UserID  string
	Expires time.Time
}

// scope is the credential scope of a signature: key/date/region/service/aws4_request.
type scope struct{ accessKey, region, service string }

// scopeOf reads the scope of a signed request's header, or of a presigned URL.
func scopeOf(request *http.Request, form url.Values) (scope, bool) {
	credential := form.Get("X-Amz-Credential")
	if _, rest, ok := strings.Cut(request.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(rest, ",")
	}
	part := strings.Split(strings.TrimSpace(credential), "/")
	if len(part) != 5 || part[0] == "" {
		return scope{}, false
	}
	return scope{accessKey: part[0], region: part[2], service: part[3]}, true
}

// AddSession makes an access key valid until it expires.
func (r *Request) AddSession(accessKey string, session Session) { r.world.session[accessKey] = session }

// IsSession says whether the caller itself uses assumed-role credentials.
func (r *Request) IsSession() bool {
	_, ok := r.world.session[r.Caller.AccessKey]
	return ok
}

// caller resolves an access key. The lock is held.
func (e *Emulator) caller(accessKey string) (Caller, Standard, bool) {
	switch e.config.BadKeys[accessKey] {
	case "expired":
		return Caller{}, ExpiredCredentials, false
	case "":
	default:
		return Caller{}, InvalidCredentials, false
	}
	if session, ok := e.world.session[accessKey]; ok {
		if !e.clock.Now().Before(session.Expires) {
			return Caller{}, ExpiredCredentials, false
		}
		return Caller{AccessKey: accessKey, Account: session.Account, ARN: session.ARN, UserID: session.UserID}, 0, true
	}
	account, ok := e.config.AccessKeys[accessKey]
	if !ok {
		account = DefaultAccount
	}
	return Caller{AccessKey: accessKey, Account: account, ARN: fmt.Sprintf("arn:aws:iam::%s:user/emulator", account),
		UserID: "AIDAEMULATOR000000000"}, 0, true
}
