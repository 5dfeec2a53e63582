#compdef usher
# Completion of usher for zsh.
_usher() {
    local line
    local -a found
    while IFS= read -r line; do
        local word=${line%%$'\t'*} help=${line#*$'\t'}
        found+=("${word//:/\\:}${help:+:$help}")
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( $#found )); then
        _describe -t usher usher found
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _usher ]]; then
    _usher "$@"
else
    compdef _usher usher
fi
