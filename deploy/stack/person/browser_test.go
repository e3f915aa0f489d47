package person_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack/person"
)

const formPage = `<main><form method="post" action="/sent">
	<input type="hidden" name="csrf" value="token"><input name="note" value="as it was">
	<input type="checkbox" name="off" value="1"><input type="checkbox" name="on" value="1" checked>
	<select name="size"><option value="s">S</option><option value="m" selected>M</option></select>
	<button id="yes" name="decision" value="approve">Yes</button><button id="no" name="decision" value="decline">No</button>
</form></main>`

func TestClick_SendsTheFormAsABrowserWould(t *testing.T) {
	t.Parallel()
	var sent url.Values
	server := serve(t, &sent)

	page, err := person.NewBrowser().Open(t.Context(), server+"/form")
	require.NoError(t, err)
	page, err = page.Click(t.Context(), "#no", url.Values{"note": {"filled in"}})
	require.NoError(t, err)

	require.Equal(t, url.Values{
		"csrf": {"token"}, "note": {"filled in"}, "on": {"1"}, "size": {"m"}, "decision": {"decline"},
	}, sent)
	require.Equal(t, "/landed", page.URL.Path, "the redirect was followed")
	require.Equal(t, "you are known", page.Text("main"), "the cookie was kept")
}

func TestAttach_SendsFilesAfterTheFields(t *testing.T) {
	t.Parallel()
	var parts []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reader, err := r.MultipartReader()
		if err != nil {
			_, _ = fmt.Fprint(w, `<form method="post" enctype="multipart/form-data" id="work"><input type="hidden" name="csrf" value="token">
				<textarea name="text">as it was</textarea><input type="file" name="files" multiple><button>Go</button></form><form id="plain" method="post"><button>Go</button></form>`)
			return
		}
		parts = nil
		part, err := reader.NextPart()
		for ; err == nil; part, err = reader.NextPart() {
			content, _ := io.ReadAll(part)
			parts = append(parts, fmt.Sprintf("%s %q %s", part.FormName(), part.FileName(), content))
		}
		parts = append(parts, err.Error()) // what lacks its end says more than this
	}))
	t.Cleanup(server.Close)
	page, err := person.NewBrowser().Open(t.Context(), server.URL)
	require.NoError(t, err)
	_, err = page.Attach(t.Context(), "#work button", url.Values{"text": {"Done"}}, person.File{Name: "a.txt", Content: "A"}, person.File{Name: "b.txt", Content: "B"})
	require.NoError(t, err)
	require.Equal(t, []string{`csrf "" token`, `text "" Done`, `files "a.txt" A`, `files "b.txt" B`, "EOF"}, parts)
	_, err = page.Click(t.Context(), "#work button", nil)
	require.NoError(t, err)
	require.Equal(t, []string{`csrf "" token`, `text "" as it was`, `files "" `, "EOF"}, parts, "no file was chosen")
	_, err = page.Attach(t.Context(), "#plain button", nil, person.File{Name: "a.txt"})
	require.ErrorContains(t, err, "takes no files")
}

func TestClickUntil_StopsBeforeTheRedirect(t *testing.T) {
	t.Parallel()
	var sent url.Values
	server := serve(t, &sent)

	page, err := person.NewBrowser().Open(t.Context(), server+"/form")
	require.NoError(t, err)
	page, err = page.ClickUntil(t.Context(), "#yes", nil, server+"/landed")
	require.NoError(t, err)
	require.Equal(t, server+"/landed?a=1", page.Next.String())
}

func TestClick_NoSuchButton(t *testing.T) {
	t.Parallel()
	page, err := person.NewBrowser().Open(t.Context(), serve(t, nil)+"/form")
	require.NoError(t, err)
	_, err = page.Click(t.Context(), "#maybe", nil)
	require.ErrorContains(t, err, `0 of "#maybe"`)
	_, err = page.Click(t.Context(), "button", nil)
	require.ErrorContains(t, err, `2 of "button"`)
}

func serve(t *testing.T, sent *url.Values) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, formPage) })
	mux.HandleFunc("POST /sent", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err == nil {
			*sent = r.PostForm
		}
		http.SetCookie(w, &http.Cookie{Name: "known", Value: "yes", Path: "/"})
		http.Redirect(w, r, "/landed?a=1", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /landed", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("known"); err == nil {
			_, _ = fmt.Fprint(w, "<main>you are  known</main>")
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
