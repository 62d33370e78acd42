# fish completion of lakeferry. What was typed is handed on as text: nothing of it is evaluated.
function __lakeferry_found
    set -l typed (commandline -opc)
    set -l word (commandline -ct | string replace -ar '["\'\\\\]' '')
    set -l found (lakeferry complete -- $typed[2..-1] "$word" 2>/dev/null)
    if test "$found" = :files
        set -l option (string match -r -- '^--[^=]+=' "$word")
        set found "$option"(__fish_complete_path (string replace -- "$option" '' "$word"))
    end
    string join \n -- $found
end
complete -c lakeferry -f -a '(__lakeferry_found)'
